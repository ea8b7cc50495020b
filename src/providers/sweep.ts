import { setTimeout as pause } from "node:timers/promises";
import { JobLedgerFailed } from "../errors/index.js";
import { JobLedger, type LedgerEntry } from "./job-ledger.js";
import type { Provider } from "./provider.js";

/** What became of the jobs that a dead kernel had left. */
export interface Swept {
  /** They were there, and have ended. */
  readonly cancelled: readonly LedgerEntry[];
  /** They were told to end and have not yet. They stay in the ledger. */
  readonly ending: readonly LedgerEntry[];
  /** There was no such job. */
  readonly absent: readonly LedgerEntry[];
  /** Their provider could not be asked. They stay in the ledger. */
  readonly unresolved: readonly { readonly entry: LedgerEntry; readonly error: unknown }[];
}

/** The provider of an entry, undefined where there is none to ask. */
export type ProviderFor = (entry: LedgerEntry) => Provider | Promise<Provider | undefined> | undefined;

const over: ReadonlySet<string | undefined> = new Set(["completed", "failed", "cancelled", undefined]);

/** Ends the jobs of a ledger that have no end in it; those whose submission was not answered are looked up by their names. */
export async function sweep(ledger: JobLedger, providerFor: ProviderFor, patienceMs = 5000): Promise<Swept> {
  const swept = { cancelled: [] as LedgerEntry[], ending: [] as LedgerEntry[], absent: [] as LedgerEntry[], unresolved: [] as { entry: LedgerEntry; error: unknown }[] };
  await Promise.all(
    ledger.unfinished().map(async (entry) => {
      try {
        const provider = await providerFor(entry);
        if (provider === undefined) throw new Error(`there is no provider ${JSON.stringify(entry.provider)} to ask`);
        const outcome = await end(entry, provider, patienceMs);
        if (outcome !== "ending") await ledger.ended(entry.name);
        swept[outcome].push(entry);
      } catch (error) {
        swept.unresolved.push({ entry, error });
      }
    }),
  );
  return swept;
}

async function end(entry: LedgerEntry, provider: Provider, patienceMs: number): Promise<"cancelled" | "ending" | "absent"> {
  const id = entry.id ?? (await provider.find(entry.name, entry.at));
  if (id === undefined) return "absent";
  await provider.cancel([id]);
  const deadline = performance.now() + patienceMs;
  for (let wait = 50; ; wait = Math.min(1000, wait * 2)) {
    if (over.has((await provider.status([id])).get(id)?.state)) return "cancelled";
    if (performance.now() > deadline) return "ending";
    await pause(wait);
  }
}

/** Sweeps each of the ledgers whose kernel is dead; those of living kernels are passed over. Gives what was done, or why nothing could be, by path. */
export async function sweepAbandoned(paths: readonly string[], providerFor: ProviderFor, patienceMs?: number): Promise<ReadonlyMap<string, Swept | JobLedgerFailed>> {
  const done = new Map<string, Swept | JobLedgerFailed>();
  for (const path of paths) {
    try {
      const ledger = await JobLedger.open(path);
      done.set(path, await sweep(ledger, providerFor, patienceMs).finally(() => ledger.close()));
    } catch (error) {
      if (!(error instanceof JobLedgerFailed)) throw error;
      if (error.reason !== "locked") done.set(path, error);
    }
  }
  return done;
}
