import { readFileSync } from "node:fs";
import type { ResourceLimits } from "node:worker_threads";
import { ConfigurationError } from "../../../errors/index.js";

/** What the managers of a block are started with: a file that only their user can read. The key is not in it. */
export interface ManagerSetup {
  readonly label: string;
  readonly block: string;
  /** Where the interchange may be: `host:port`. */
  readonly addresses: readonly string[];
  readonly keyFile: string;
  readonly leaseMs: number;
  readonly graceMs: number;
  /** 0: the block has no limit. */
  readonly walltimeMs: number;
  readonly maxWorkers: number | null;
  readonly coresPerWorker: number;
  /** Bytes; null: no limit by memory. */
  readonly memPerWorker: number | null;
  readonly accelerators: readonly string[];
  readonly prefetch: number;
  readonly isolation: "thread" | "process";
  readonly resourceLimits: ResourceLimits;
  readonly env: Readonly<Record<string, string>>;
  readonly killGrace: number;
  /** The program runs TypeScript: the file to look for its loader from. */
  readonly typescript: string | null;
}

export function readSetup(path: string | undefined): ManagerSetup {
  if (path === undefined) throw new ConfigurationError("CW-CONF-001", "a manager is started with the path of its setup file, and there is none", { hint: "Managers are started by the jobs of blocks: caraway-manager FILE." });
  try {
    return JSON.parse(readFileSync(path, "utf8")) as ManagerSetup;
  } catch (cause) {
    throw new ConfigurationError("CW-CONF-001", `the setup file of the manager cannot be read: ${(cause as Error).message}`, { cause, evidence: { path }, hint: "It lies in the run directory of the program that asked for the block: the node must see that directory." });
  }
}
