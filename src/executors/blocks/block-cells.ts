import { Cell, type CellKind } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import type { Timer } from "../../actors/ports.js";
import type { JobSpec } from "../../providers/provider.js";
import { blockMachine, type BlockContext, type BlockEffect, type BlockInput, type BlockMessage } from "../../state-machines/block.js";
import { jobMachine, type JobContext, type JobEffect, type JobInput, type JobMessage } from "../../state-machines/job.js";
import { scalerMachine, type ScalerContext, type ScalerEffect, type ScalerInput, type ScalerMessage } from "../../state-machines/scaler.js";
import type { BlockStatus, RegisteredManager } from "./options.js";

export const blockChart = compile<BlockContext, BlockMessage, BlockEffect, BlockInput>(blockMachine);
export const jobChart = compile<JobContext, JobMessage, JobEffect, JobInput>(jobMachine);
export const scalerChart = compile<ScalerContext, ScalerMessage, ScalerEffect, ScalerInput>(scalerMachine);

export type BlockKind = CellKind<BlockContext, BlockMessage, BlockEffect, BlockInput, BlockCell>;
export type JobKind = CellKind<JobContext, JobMessage, JobEffect, JobInput, JobCell>;
export type ScalerCell = Cell<ScalerContext, ScalerMessage, ScalerEffect>;

/** A block, its managers and what is known of their work. */
export class BlockCell extends Cell<BlockContext, BlockMessage, BlockEffect> {
  timer: Timer | undefined = undefined;
  job: JobCell | undefined = undefined;
  readonly managers = new Map<string, RegisteredManager>();
  tasks = 0;
  /** When its tasks became none, or its first manager registered. */
  idleSince = 0;
  /** When it came to its state. */
  since = 0;
  addresses: readonly string[] = [];
  /** What kept it from being prepared. */
  fault: unknown = undefined;
  spec: JobSpec | undefined = undefined;
  /** A drain that has not answered, and how many managers it was asked for. */
  draining: { readonly managers: number } | undefined = undefined;

  constructor(
    kind: BlockKind,
    label: string,
    /** `block-7`. */
    readonly name: string,
    readonly jobName: string,
  ) {
    super(kind, `${label}/${name}`);
  }

  get workers(): number {
    let sum = 0;
    for (const { workers } of this.managers.values()) sum += workers;
    return sum;
  }

  status(now: number): BlockStatus {
    const { job } = this;
    return {
      id: this.name,
      state: this.state.name,
      job: job === undefined ? undefined : { name: this.jobName, id: job.jobId, state: job.state.name, message: job.context.report?.message },
      managers: this.managers.size,
      workers: this.workers,
      tasks: this.tasks,
      since: now - this.since,
      reason: this.context.reason,
    };
  }
}

/** The job of a block. */
export class JobCell extends Cell<JobContext, JobMessage, JobEffect> {
  jobId: string | undefined = undefined;
  /** Why its submission failed, or was not answered. */
  error: unknown = undefined;
  /** A look-up by its name is under way. */
  finding = false;
  /** Looks at the queue since it has an id. */
  looks = 0;

  constructor(
    kind: JobKind,
    readonly block: BlockCell,
    readonly spec: JobSpec,
  ) {
    super(kind, block.id);
  }
}
