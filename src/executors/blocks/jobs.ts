import type { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { SubmitException } from "../../errors/index.js";
import type { JobOutput, JobSpec } from "../../providers/provider.js";
import { JobCell, jobChart, type BlockCell, type JobKind } from "./block-cells.js";
import { attempt, NoAnswer, within } from "./deadline.js";
import type { BlocksPorts } from "./options.js";

/** So many looks in a row that do not list a job lead to a look-up by its name. */
const patience = 3;
/** A job that has just been submitted is looked at often, so many times. */
const firstLooks = 5;
const noOutput: JobOutput = { stdout: "", stderr: "" };

/** The jobs of an executor's blocks: submitted, looked at with one query for all, looked up by their names, cancelled together. */
export class Jobs {
  /** Why the last look failed. */
  queryError: unknown = undefined;
  /** What failed last without harm. */
  mishap: unknown = undefined;
  private readonly kind: JobKind;
  private readonly dispatcher: Dispatcher;
  private readonly open = new Set<JobCell>();
  /** Jobs whose submission was not answered and of which no trace was found: looked for once more in the end. */
  private readonly doubtful = new Map<string, JobSpec>();
  private readonly cancels = new Set<string>();
  private timer: Timer | undefined;
  private due = Infinity;
  private looking = false;
  private stopped = false;

  constructor(
    private readonly ports: BlocksPorts,
    broken: (error: unknown) => void,
  ) {
    this.dispatcher = ports.dispatcher;
    const { dispatcher } = this;
    this.kind = {
      name: "job",
      chart: jobChart,
      perform: {
        "job.find": ({ soon }, job) => this.find(job, soon),
        "job.announce": ({ news }, { block }) => {
          dispatcher.tell(block, { type: `job.${news}` });
          this.watch();
        },
        "job.announce-end": ({ reason }, { block }) => dispatcher.tell(block, { type: "job.ended", reason }),
      },
      moved: (job) => {
        if (job.is("final")) this.open.delete(job);
      },
      crashed: (_job, error) => broken(error),
    };
  }

  submit(block: BlockCell, spec: JobSpec): void {
    const { dispatcher } = this;
    const job = new JobCell(this.kind, block, spec);
    block.job = job;
    this.open.add(job);
    dispatcher.start(job, { patience });
    const submission = attempt(() => this.ports.provider.submit(spec));
    submission.then((id) => this.submitted(job, id), (error: unknown) => this.unsubmitted(job, error));
    this.within(submission).catch((error: unknown) => {
      if (error instanceof NoAnswer) this.unsubmitted(job, error);
    });
  }

  private submitted(job: JobCell, id: string): void {
    // Given up already: what came of it after all is not wanted.
    if (job.is("final")) return this.cancelId(id);
    job.jobId = id;
    this.doubtful.delete(job.spec.name);
    this.note(() => this.ports.ledger.submitted(job.spec.name, id));
    this.dispatcher.tell(job, { type: "job.submitted" });
  }

  private unsubmitted(job: JobCell, error: unknown): void {
    job.error ??= error;
    const refused = error instanceof SubmitException && error.outcome === "refused";
    if (!refused && !job.is("final")) this.doubtful.set(job.spec.name, job.spec);
    if (refused) this.doubtful.delete(job.spec.name);
    this.dispatcher.tell(job, { type: refused ? "job.refused" : "job.unanswered" });
  }

  /** Asks the second source. Managers that are there vouch for their job. */
  private find(job: JobCell, soon: boolean): void {
    if (!soon) {
      this.dispatcher.ports.clock.after(this.quickly, () => {
        if (!this.stopped && !job.is("final")) this.find(job, true);
      });
      return;
    }
    if (job.finding) return;
    job.finding = true;
    this.within(attempt(() => this.ports.provider.find(job.spec.name))).then(
      (id) => {
        job.finding = false;
        if (id !== undefined) this.found(job, id);
        else this.dispatcher.tell(job, { type: job.block.managers.size > 0 && job.jobId !== undefined ? "job.found" : "job.absent" });
      },
      (error: unknown) => {
        job.finding = false;
        this.queryError = error;
        this.dispatcher.tell(job, { type: "lookup.failed" });
      },
    );
  }

  private found(job: JobCell, id: string): void {
    if (job.jobId === undefined) this.submitted(job, id);
    else this.dispatcher.tell(job, { type: "job.found" });
  }

  /** Ends the job of a block, as soon as it has an id; what is asked for together goes out together. */
  cancel(block: BlockCell): void {
    const { job } = block;
    if (job?.jobId !== undefined) this.cancelId(job.jobId);
    if (job === undefined || job.is("final")) this.dispatcher.tell(block, { type: "job.ended", reason: "lost" });
    this.watch();
  }

  private cancelId(id: string): void {
    this.cancels.add(id);
    if (this.cancels.size > 1) return;
    this.dispatcher.ports.scheduler.soon(() => {
      const ids = [...this.cancels];
      this.cancels.clear();
      this.within(attempt(() => this.ports.provider.cancel(ids))).then(
        () => this.watch(),
        (error: unknown) => (this.mishap = error),
      );
    });
  }

  /** The last of what its job wrote; empty where that cannot be had. */
  async output({ job }: BlockCell): Promise<JobOutput> {
    const id = job?.jobId;
    if (job === undefined || id === undefined) return noOutput;
    return this.within(attempt(() => this.ports.provider.output(id, job.spec))).catch((error: unknown) => {
      this.mishap = error;
      return noOutput;
    });
  }

  /** The block is over; what the ledger has of it can go, unless a trace of it may still turn up. */
  ended(block: BlockCell): void {
    const id = block.job?.jobId;
    // Nobody knows it any more; should it be there all the same, it is not wanted.
    if (block.context.reason === "lost" && id !== undefined) this.cancelId(id);
    if (!this.doubtful.has(block.jobName)) this.note(() => this.ports.ledger.ended(block.jobName, block.job?.context.report));
  }

  private get quickly(): number {
    const { statusInterval } = this.ports.provider;
    return Math.min(statusInterval, Math.max(100, statusInterval / 10));
  }

  /** Sees to it that the queue is looked at in time. */
  watch(): void {
    if (this.looking || this.stopped) return;
    let soonest = Infinity;
    for (const job of this.open) {
      if (job.jobId === undefined) continue;
      const { name } = job.block.state;
      const urgent = name === "starting" || name === "ending" || job.looks < firstLooks;
      soonest = Math.min(soonest, urgent ? this.quickly : this.ports.provider.statusInterval);
    }
    const { clock } = this.dispatcher.ports;
    const due = clock.now() + soonest;
    if (soonest === Infinity || (this.timer !== undefined && this.due <= due)) return;
    this.timer?.cancel();
    this.due = due;
    this.timer = clock.after(soonest, () => {
      this.timer = undefined;
      void this.look();
    });
  }

  /** One look for all. A look that fails says nothing of any job. */
  private async look(): Promise<void> {
    const jobs = [...this.open].filter(({ jobId }) => jobId !== undefined);
    this.looking = true;
    try {
      const reports = await this.within(attempt(() => this.ports.provider.status(jobs.map(({ jobId }) => jobId as string))));
      this.queryError = undefined;
      for (const job of jobs) {
        job.looks++;
        const report = reports.get(job.jobId as string);
        this.dispatcher.tell(job, report === undefined ? { type: "job.missing" } : { type: "job.reported", report });
      }
    } catch (error) {
      this.queryError = error;
      for (const job of jobs) this.dispatcher.tell(job, { type: "query.failed" });
    }
    this.looking = false;
    this.dispatcher.ports.scheduler.soon(() => this.watch());
  }

  /** Looks once more for jobs of which there was no trace, and cancels what has turned up. Rejects where that cannot be told. */
  async sweep(): Promise<void> {
    for (const name of [...this.doubtful.keys()]) {
      const id = await this.within(attempt(() => this.ports.provider.find(name)));
      if (id !== undefined) await this.within(attempt(() => this.ports.provider.cancel([id])));
      this.doubtful.delete(name);
      this.note(() => this.ports.ledger.ended(name));
    }
  }

  /** Looks no more. */
  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private note(write: () => Promise<void> | void): void {
    attempt(write).catch((error: unknown) => (this.mishap = error));
  }

  private within<T>(answer: Promise<T>): Promise<T> {
    return within(this.dispatcher.ports.clock, this.ports.options.answerTimeout ?? 120_000, answer, "the provider");
  }
}
