import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { ResourceLimits } from "node:worker_threads";
import type { ConnectPlace } from "../../../actors/links/places.js";
import type { CpuAffinity } from "../../../config/high-throughput.js";
import { ConfigurationError } from "../../../errors/index.js";

/** What the managers of a block are started with: a file that only their user can read. The key is not in it. */
export interface ManagerSetup {
  readonly label: string;
  readonly block: string;
  /** Where the interchange may be. */
  readonly head: ConnectPlace;
  readonly keyFile: string;
  readonly leaseMs: number;
  readonly graceMs: number;
  /** 0: the block has no limit. */
  readonly walltimeMs: number;
  /** So long after its start a manager wants no more work; null: never. */
  readonly drainMs: number | null;
  readonly maxWorkers: number | null;
  readonly coresPerWorker: number;
  /** Bytes; null: no limit by memory. */
  readonly memPerWorker: number | null;
  readonly accelerators: readonly string[];
  readonly cpuAffinity: CpuAffinity;
  readonly prefetch: number;
  readonly isolation: "thread" | "process";
  readonly resourceLimits: ResourceLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly killGrace: number;
  /** The program runs TypeScript: the file to look for its loader from. */
  readonly typescript: string | null;
}

/** How long the file may take to be there, in milliseconds: a manager on the head's machine boots while its setup is prepared. */
const patienceMs = 60_000;
const lookAgainMs = 4;

export async function readSetup(path: string | undefined): Promise<ManagerSetup> {
  if (path === undefined) throw new ConfigurationError("CW-CONF-001", "a manager is started with the path of its setup file, and there is none", { hint: "Managers are started by the jobs of blocks: caraway-manager FILE." });
  for (const until = performance.now() + patienceMs; ; await pause(lookAgainMs)) {
    try {
      return JSON.parse(readFileSync(path, "utf8")) as ManagerSetup;
    } catch (cause) {
      if (isMissing(cause) && performance.now() < until) continue;
      throw new ConfigurationError("CW-CONF-001", `the setup file of the manager cannot be read: ${(cause as Error).message}`, { cause, evidence: { path }, hint: "It lies in the run directory of the program that asked for the block: the node must see that directory." });
    }
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === "ENOENT";
