import type { Dispatcher } from "../../actors/dispatcher.js";
import type { CarawayError } from "../../errors/index.js";
import type { JobReport, Provider } from "../../providers/provider.js";
import type { BlockEnd } from "../../state-machines/block.js";
import type { ScalingStrategy } from "./strategies.js";

/** Times are milliseconds. */
export interface BlockSettings {
  readonly initBlocks: number;
  readonly minBlocks: number;
  readonly maxBlocks: number;
  readonly nodesPerBlock: number;
  readonly parallelism: number;
  /** 0: no limit. */
  readonly walltime: number;
  /** From the start of a job until a manager of it must have registered. */
  readonly registrationTimeout: number;
  readonly maxIdleTime: number;
  readonly strategy: "none" | "simple" | "auto-scale" | ScalingStrategy;
  readonly strategyPeriod: number;
  /** Where the scripts and outputs of jobs go; exists. */
  readonly directory: string;
  /** So many blocks in a row that end by themselves before a manager registers make the executor fail; 0: never. Default 3. */
  readonly errorBudget?: number;
  /** How long the provider may take for one answer before it counts as not given. Default 2 min. */
  readonly answerTimeout?: number;
}

/** How the managers of a block are started. */
export interface BlockCommand {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The addresses that they will try: for the report when none of them registers. */
  readonly addresses?: readonly string[];
}

/** Where it is written down which jobs there are: before they are submitted, and until they have ended. */
export interface BlockLedger {
  /** Resolves once it would survive a crash. */
  intend(entry: { readonly name: string; readonly block: string; readonly executor: string }): Promise<void> | void;
  submitted(name: string, jobId: string): Promise<void> | void;
  /** There is no such job, or not any more. */
  ended(name: string, report?: JobReport): Promise<void> | void;
}

/** What `Blocks` stands on. */
export interface BlocksPorts {
  readonly label: string;
  /** Of the run: no other run has it. */
  readonly runId: string;
  /** How many executors of this label there have been in this run, this one included. Default 1. */
  readonly incarnation?: number;
  readonly provider: Provider;
  readonly options: BlockSettings;
  /** Called once the intent is stored, before the job is submitted; may prepare a key for the block. */
  command(block: string): Promise<BlockCommand> | BlockCommand;
  readonly ledger: BlockLedger;
  readonly dispatcher: Dispatcher;
  /** What the executor has that is not done. Read before each decision. */
  load(): { readonly outstanding: number };
  /** How many workers a manager is expected to have, until one has registered. Default 1. */
  readonly workersPerNode?: number;
  /** No new tasks to that block; resolves once nothing runs on it. Asked again where it takes long, or where another of its managers registers. */
  drain(block: string): Promise<void>;
  /** It is over: its managers, should they still be there, are to be told to end, and its key is void. */
  onEnded?(block: string, reason: BlockEnd): void;
  /** A block ended by itself before any manager of it registered: the diagnosis. */
  onTrouble?(error: CarawayError): void;
  /** The error budget is spent, or a strategy broke its contract: no blocks any more. */
  onFailed(error: CarawayError): void;
  /** A part of this broke one of caraway's own rules. */
  broken?(error: unknown): void;
}

/** What a manager says of itself. */
export interface RegisteredManager {
  /** Its own name, where nodes may have several. Default: the node's. */
  readonly manager?: string;
  readonly node: string;
  readonly workers: number;
}

/** One block, to look at. */
export interface BlockStatus {
  readonly id: string;
  readonly state: string;
  readonly job: { readonly name: string; readonly id: string | undefined; readonly state: string; readonly message: string | undefined } | undefined;
  readonly managers: number;
  readonly workers: number;
  readonly tasks: number;
  /** Milliseconds in that state. */
  readonly since: number;
  readonly reason: BlockEnd | undefined;
}

export interface BlocksStatus {
  readonly scaler: string;
  /** Blocks that have not ended: what `maxBlocks` is about. */
  readonly present: number;
  /** Those with a manager. */
  readonly ready: number;
  readonly workers: number;
  readonly blocks: readonly BlockStatus[];
  /** How many there have been. */
  readonly requested: number;
  readonly ended: Readonly<Partial<Record<BlockEnd, number>>>;
  /** Early deaths in a row. */
  readonly deaths: number;
  /** Why the last look at the queue failed; undefined where it worked. */
  readonly queryError: unknown;
  /** What was last seen to fail without harm: a ledger that could not be written, a cancel that was not taken. */
  readonly mishap: unknown;
}
