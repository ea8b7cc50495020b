import type { Dispatcher } from "../actors/dispatcher.js";
import type { Executor, ExecutorStatus, Work, WorkListener } from "../executors/executor.js";
import { encode, encodeThrown, type Encoded } from "../serialization/index.js";
import type { TaskRecord } from "./task-record.js";
import type { Body } from "./app-definition.js";
import { argumentValue } from "./arguments.js";

const isAsync = (body: Body): boolean => Object.prototype.toString.call(body) === "[object AsyncFunction]";

/** Runs bodies of join apps, and lifted look-ups, in the kernel's own thread: each in a turn of its own. */
export class Beside implements Executor {
  readonly label = "beside the kernel";
  readonly capacity = Infinity;
  readonly ownsProcesses = false;
  readonly accepts = true;
  private readonly open = new Set<Work>();

  constructor(
    private readonly dispatcher: Dispatcher,
    private readonly listener: WorkListener,
    /** Runs a body so that apps called in it belong to its kernel. */
    private readonly within: (record: TaskRecord, run: () => unknown, lasting: boolean) => unknown,
  ) {}

  get load(): number {
    return this.open.size;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  submit(work: Work, attempt: number): void {
    const record = work as TaskRecord;
    this.open.add(work);
    this.listener.sent(work, attempt);
    this.dispatcher.ports.scheduler.soon(() => {
      if (!this.open.has(work)) return;
      this.listener.started(work, attempt);
      this.run(record, attempt);
    });
  }

  private run(record: TaskRecord, attempt: number): void {
    try {
      const body = record.app.body as Body;
      const value = this.within(record, () => body(...record.args.map(argumentValue)), isAsync(body));
      if (value instanceof Promise) {
        value.then(
          (late: unknown) => this.succeed(record, attempt, late),
          (error: unknown) => this.fail(record, attempt, error),
        );
      } else this.succeed(record, attempt, value);
    } catch (error) {
      this.fail(record, attempt, error);
    }
  }

  private succeed(record: TaskRecord, attempt: number, value: unknown): void {
    if (!this.open.has(record)) return;
    try {
      // A joining task's value is futures, which stay here and are never decoded.
      const kept = record.app.kind === "join" ? (value as Encoded) : encode(value, `the result of ${record.app.name}`);
      this.open.delete(record);
      this.listener.answered(record, attempt, { ok: true, value: kept, ms: 0 });
    } catch (error) {
      this.fail(record, attempt, error);
    }
  }

  private fail(record: TaskRecord, attempt: number, error: unknown): void {
    if (this.open.delete(record)) this.listener.answered(record, attempt, { ok: false, thrown: encodeThrown(error, `the error of ${record.app.name}`), ms: 0 });
  }

  cancel(work: Work, _attempt: number, _why: "cancelled" | "closing", done: () => void): void {
    this.open.delete(work);
    done();
  }

  stop(): Promise<void> {
    this.open.clear();
    return Promise.resolve();
  }

  status(): ExecutorStatus {
    return { label: this.label, state: "running", workers: 1, busy: this.open.size > 0 ? 1 : 0, queued: 0, out: this.open.size, zombies: 0, lost: 0 };
  }

  tree(): readonly { path: string; state: string }[] {
    return [];
  }

  explain(work: Work): string | undefined {
    return this.open.has(work) ? "its body runs beside the kernel" : undefined;
  }
}
