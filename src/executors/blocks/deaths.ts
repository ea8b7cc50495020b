import type { CarawayError } from "../../errors/index.js";
import type { BlockEnd } from "../../state-machines/block.js";
import type { BlockCell } from "./block-cells.js";
import { diagnosis, scaleOutFailed, type FailedBlock } from "./diagnosis.js";
import type { Jobs } from "./jobs.js";
import type { BlocksPorts } from "./options.js";

const longestPause = 300_000;
/** So many of the latest are told of, where more ended. */
const most = 10;

interface Death {
  readonly told: Promise<{ readonly block: FailedBlock; readonly error: CarawayError }>;
}

/** The early deaths in a row of an executor's blocks: each is diagnosed, and too many of them are one failure. */
export class Deaths {
  /** How many in a row. */
  count = 0;
  /** Before that time no block is asked for again. */
  notBefore = 0;
  private latest: Death[] = [];

  constructor(
    private readonly ports: BlocksPorts,
    private readonly jobs: Jobs,
  ) {}

  /** A block died before a manager of it registered. */
  mourn(block: BlockCell, reason: BlockEnd): void {
    const { strategyPeriod } = this.ports.options;
    this.count++;
    this.notBefore = this.ports.dispatcher.now + (this.count === 1 ? 0 : Math.min(longestPause, strategyPeriod * 2 ** Math.min(20, this.count - 2)));
    const told = this.examine(block, reason);
    told.then(({ error }) => this.ports.onTrouble?.(error)).catch(() => undefined);
    this.latest = [...this.latest, { told }].slice(-most);
  }

  /** A manager registered: blocks do start here. */
  forget(): void {
    this.count = 0;
    this.notBefore = 0;
    this.latest = [];
  }

  /** All of them, as one error. */
  async failure(): Promise<CarawayError> {
    const told = await Promise.all(this.latest.map((death) => death.told));
    return scaleOutFailed(this.ports.label, told.map(({ block }) => block), told.map(({ error }) => error));
  }

  private async examine(cell: BlockCell, reason: BlockEnd): Promise<Awaited<Death["told"]>> {
    const { label, options } = this.ports;
    const { job } = cell;
    const block: FailedBlock = {
      executor: label,
      block: cell.name,
      reason,
      jobName: cell.jobName,
      jobId: job?.jobId,
      report: job?.context.report,
      output: await this.jobs.output(cell),
      addresses: cell.addresses,
      error: cell.fault ?? job?.error,
      waited: options.registrationTimeout,
    };
    return { block, error: diagnosis(block) };
  }
}
