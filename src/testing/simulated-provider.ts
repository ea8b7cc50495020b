import type { Ports } from "../actors/ports.js";
import { seededRandom } from "../actors/seeded-random.js";
import { SchedulerQueryFailed, SubmitException } from "../errors/index.js";
import type { JobOutput, JobReport, JobSpec, Provider } from "../providers/provider.js";
import { within, type Span } from "./faults.js";

/** How a simulated scheduler behaves: how slow it is, and what goes wrong. Likelihoods are from 0 to 1, times milliseconds. */
export interface SchedulerConduct {
  /** Until a submission is answered, a look, a look-up, a cancel. */
  readonly answer: Span;
  /** From the submission to the start of a job. */
  readonly queue: Span;
  /** From the start of a job to its end by itself; none: it goes on until it is cancelled. */
  readonly life: Span | undefined;
  /** From being cancelled to having ended. */
  readonly kill: Span;
  /** How long an ended job is known. */
  readonly remember: number;
  /** How likely a submission is refused; is not made and not answered; is made and not answered. */
  readonly refuse: number;
  readonly loseRequest: number;
  readonly loseReply: number;
  /** How likely what is not answered is never answered at all, instead of being said to be unknown. */
  readonly hang: number;
  /** How likely a look or a look-up fails, and how likely a look leaves out a job that is there. */
  readonly queryFails: number;
  readonly omit: number;
  readonly cancelFails: number;
  /** How likely a job is held for a while, is put back into the queue once, is preempted, dies at its start. */
  readonly hold: number;
  readonly requeue: number;
  readonly preempt: number;
  readonly dieAtOnce: number;
}

/** Quick and faultless. */
export const calmScheduler: SchedulerConduct = { answer: [1, 5], queue: [10, 50], life: undefined, kill: [1, 20], remember: 300_000, refuse: 0, loseRequest: 0, loseReply: 0, hang: 0, queryFails: 0, omit: 0, cancelFails: 0, hold: 0, requeue: 0, preempt: 0, dieAtOnce: 0 };

export interface SimulatedJob {
  readonly id: string;
  readonly spec: JobSpec;
  report: JobReport;
  output: JobOutput;
  /** When it ended. */
  endedAt: number | undefined;
}

export interface SimulatedProviderOptions {
  readonly ports: Ports;
  readonly seed: number;
  readonly statusInterval?: number;
  readonly conduct?: Partial<SchedulerConduct>;
  /** What a job that dies at its start leaves. */
  readonly lastWords?: { readonly exitCode: number; readonly stderr: string };
  /** The job runs; again, where it was put back into the queue. */
  readonly started?: (job: SimulatedJob) => void;
  /** It does not any more. */
  readonly stopped?: (job: SimulatedJob) => void;
}

const isOver = ({ endedAt }: SimulatedJob): boolean => endedAt !== undefined;

/** A scheduler without machines, on simulated time. The same seed gives the same faults. */
export class SimulatedProvider implements Provider {
  readonly kind = "simulated";
  readonly statusInterval: number;
  /** May be changed while it runs. */
  conduct: SchedulerConduct;
  /** Every job there ever was, by id. */
  readonly jobs = new Map<string, SimulatedJob>();
  /** The names of all jobs that were to be submitted. */
  readonly submissions: string[] = [];
  private readonly random: ReturnType<typeof seededRandom>;
  private readonly ports: Ports;

  constructor(private readonly options: SimulatedProviderOptions) {
    this.ports = options.ports;
    this.statusInterval = options.statusInterval ?? 1000;
    this.conduct = { ...calmScheduler, ...options.conduct };
    this.random = seededRandom(options.seed);
  }

  /** Jobs that have not ended. */
  get alive(): readonly SimulatedJob[] {
    return [...this.jobs.values()].filter((job) => !isOver(job));
  }

  submit(spec: JobSpec): Promise<string> {
    this.submissions.push(spec.name);
    return this.answer((resolve, reject) => {
      const unanswered = () => {
        if (!this.happens(this.conduct.hang)) reject(new SubmitException("CW-BLOCK-001", "the answer was lost", { evidence: { outcome: "unknown" } }));
      };
      if (this.happens(this.conduct.refuse)) reject(new SubmitException("CW-BLOCK-001", "the scheduler refused the job: no such partition", { evidence: { outcome: "refused" } }));
      else if (this.happens(this.conduct.loseRequest)) unanswered();
      else {
        const job = this.accept(spec);
        if (this.happens(this.conduct.loseReply)) unanswered();
        else resolve(job.id);
      }
    });
  }

  status(ids: readonly string[]): Promise<ReadonlyMap<string, JobReport>> {
    return this.query(() => {
      const reports = new Map<string, JobReport>();
      for (const id of ids) {
        const job = this.jobs.get(id);
        if (job !== undefined && this.remembers(job) && !this.happens(this.conduct.omit)) reports.set(id, job.report);
      }
      return reports;
    });
  }

  find(name: string): Promise<string | undefined> {
    return this.query(() => [...this.jobs.values()].find((job) => job.spec.name === name && this.remembers(job))?.id);
  }

  cancel(ids: readonly string[]): Promise<void> {
    return this.answer((resolve, reject) => {
      if (this.happens(this.conduct.cancelFails)) reject(new Error("the scheduler is busy"));
      else {
        for (const job of ids.map((id) => this.jobs.get(id))) if (job !== undefined) this.ports.clock.after(within(this.conduct.kill, this.random), () => this.end(job, { state: "cancelled" }));
        resolve();
      }
    });
  }

  output(id: string): Promise<JobOutput> {
    return this.answer((resolve) => resolve(this.jobs.get(id)?.output ?? { stdout: "", stderr: "" }));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Ends a job, from outside. Nothing happens where it has ended. */
  end(job: SimulatedJob, report: JobReport, stderr = ""): void {
    if (isOver(job)) return;
    const ran = job.report.state === "active";
    job.report = report;
    job.output = { stdout: "", stderr };
    job.endedAt = this.ports.clock.now();
    if (ran) this.options.stopped?.(job);
  }

  /** Puts a running job back into the queue. */
  requeue(job: SimulatedJob): void {
    if (job.report.state !== "active") return;
    job.report = { state: "queued", message: "Requeued" };
    this.options.stopped?.(job);
    this.startLater(job);
  }

  private accept(spec: JobSpec): SimulatedJob {
    const job: SimulatedJob = { id: String(this.jobs.size + 1), spec, report: { state: "queued" }, output: { stdout: "", stderr: "" }, endedAt: undefined };
    this.jobs.set(job.id, job);
    if (this.happens(this.conduct.hold)) job.report = { state: "held", message: "JobHeldUser" };
    this.startLater(job);
    return job;
  }

  private startLater(job: SimulatedJob): void {
    this.ports.clock.after(within(this.conduct.queue, this.random), () => {
      if (isOver(job)) return;
      if (job.report.state === "held") {
        job.report = { state: "queued" };
        this.startLater(job);
      } else this.begin(job);
    });
  }

  private begin(job: SimulatedJob): void {
    const { clock } = this.ports;
    job.report = { state: "active" };
    if (this.happens(this.conduct.dieAtOnce)) {
      const { exitCode, stderr } = this.options.lastWords ?? { exitCode: 127, stderr: "bash: line 1: node: command not found\n" };
      this.end(job, { state: "failed", exitCode, message: "NonZeroExitCode" }, stderr);
      return;
    }
    this.options.started?.(job);
    const { life, preempt, requeue } = this.conduct;
    if (life === undefined) return;
    const lasts = within(life, this.random);
    if (this.happens(requeue)) clock.after(lasts / 2, () => this.requeue(job));
    const report: JobReport = this.happens(preempt) ? { state: "failed", reason: "preempted", signal: "SIGTERM", message: "Preempted" } : { state: "completed", exitCode: 0 };
    clock.after(lasts, () => this.end(job, report));
  }

  private remembers({ endedAt }: SimulatedJob): boolean {
    return endedAt === undefined || this.ports.clock.now() - endedAt <= this.conduct.remember;
  }

  private happens(likely: number): boolean {
    return likely > 0 && this.random.next() < likely;
  }

  private query<T>(look: () => T): Promise<T> {
    return this.answer((resolve, reject) => {
      if (this.happens(this.conduct.queryFails)) reject(new SchedulerQueryFailed("CW-BLOCK-004", "the scheduler does not answer"));
      else resolve(look());
    });
  }

  private answer<T>(give: (resolve: (value: T) => void, reject: (error: Error) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => void this.ports.clock.after(within(this.conduct.answer, this.random), () => give(resolve, reject)));
  }
}
