import { readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ProviderDescriptor } from "../../config/providers.js";
import { type CarawayError, JobLedgerFailed, ScaleOutFailed } from "../../errors/index.js";
import type { JobLedger, LedgerEntry } from "../../providers/job-ledger.js";
import { makeProvider } from "../../providers/make-provider.js";
import type { Provider } from "../../providers/provider.js";
import { sweepAbandoned, type Swept } from "../../providers/sweep.js";

const fileName = "jobs.ledger";

export const ledgerIn = (directory: string): string => join(directory, fileName);

/** Closes a ledger, and removes it where nothing in it is unfinished. */
export async function putAway(ledger: JobLedger): Promise<void> {
  const isDone = ledger.unfinished().length === 0;
  await ledger.close();
  if (isDone) await rm(ledger.path, { force: true });
}

/**
 * Ends the jobs that kernels left which died: those of every run beside this one whose ledger nobody has. What cannot be
 * ended now stays in its ledger, for the next time, and is told.
 */
export async function sweepLeftovers(runDirectory: string, descriptor: ProviderDescriptor, trouble: (error: CarawayError) => void): Promise<void> {
  let provider: Promise<Provider> | undefined;
  // Jobs of another kind are left to a kernel that has such blocks.
  const providerFor = ({ provider: kind }: LedgerEntry): Promise<Provider> | undefined => (kind === descriptor.kind ? (provider ??= makeProvider(descriptor)) : undefined);
  const done = await sweepAbandoned(await ledgersBeside(runDirectory), providerFor);
  for (const [path, swept] of done) await conclude(path, swept, descriptor.kind, trouble);
  await (await provider)?.close();
}

async function conclude(path: string, swept: Swept | JobLedgerFailed, kind: string, trouble: (error: CarawayError) => void): Promise<void> {
  if (swept instanceof JobLedgerFailed) {
    trouble(swept);
    return;
  }
  const { ending, unresolved } = swept;
  for (const { name, executor } of ending) trouble(left(name, executor, "was told to end and has not yet"));
  for (const { entry, error } of unresolved) if (entry.provider === kind) trouble(left(entry.name, entry.executor, "could not be ended", error));
  if (ending.length + unresolved.length > 0) return;
  await rm(path, { force: true });
  // They open nothing any more.
  await rm(join(dirname(path), "keys"), { recursive: true, force: true });
}

async function ledgersBeside(runDirectory: string): Promise<string[]> {
  const parent = dirname(runDirectory);
  const found: string[] = [];
  for (const run of await readdir(parent)) {
    const directory = join(parent, run);
    if (directory === runDirectory) continue;
    for (const label of await namesIn(directory)) if ((await namesIn(join(directory, label))).includes(fileName)) found.push(ledgerIn(join(directory, label)));
  }
  return found;
}

/** None where it is no directory, or not there any more. */
const namesIn = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

const left = (job: string, executor: string, what: string, cause?: unknown): ScaleOutFailed =>
  new ScaleOutFailed("CW-BLOCK-002", `a job of an earlier run, ${job}, ${what}`, { where: { job, executor }, hint: "It stays in the ledger of its run, and the next kernel that starts beside it tries again.", ...(cause === undefined ? {} : { cause }) });
