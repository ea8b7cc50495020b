import type { Dispatcher } from "../actors/dispatcher.js";
import type { Executor, ExecutorStatus, Work, WorkListener } from "../executors/executor.js";
import { encode, type Encoded } from "../serialization/index.js";
import { type Body, isAsync } from "./app-definition.js";
import { argumentValue, isJoinable } from "./arguments.js";
import { joinError } from "./failure-path.js";
import { AppFuture } from "./future.js";
import { ownError } from "./outcomes.js";
import type { TaskRecord } from "./task-record.js";

/** How many bodies may follow each other before timers and I/O have a turn, and for how long. */
const mostPerTurn = 1000;
const turnMs = 2;

/** Where an async body awaited or returned a future that failed, the failure is that task's. */
function ofChild(record: TaskRecord, error: unknown): unknown {
  const child = record.extra?.children?.find((one) => one.isFinal && !one.succeeded && one.context.error === error);
  return child === undefined ? error : joinError(record, new AppFuture(child), error);
}

/** Runs bodies of join apps, and lifted look-ups, in the kernel's own thread: each in a turn of its own. */
export class Beside implements Executor {
  readonly label = "beside the kernel";
  readonly capacity = Infinity;
  readonly ownsProcesses = false;
  readonly accepts = true;
  private readonly open = new Set<Work>();
  /** Of this turn of the event loop. */
  private bodies = 0;
  private turnBegan = 0;

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
    this.inTurn(() => {
      if (!this.open.has(work) || record.extra?.doomed === true) return;
      this.listener.started(work, attempt);
      this.run(record, attempt);
    });
  }

  /** Bodies that submit bodies that submit bodies let timers and I/O have a turn. */
  private inTurn(run: () => void): void {
    const { scheduler, clock } = this.dispatcher.ports;
    if (this.bodies === 0) {
      this.turnBegan = clock.now();
      scheduler.later(() => (this.bodies = 0));
    }
    if (++this.bodies > mostPerTurn || clock.now() - this.turnBegan > turnMs) scheduler.later(run);
    else scheduler.soon(run);
  }

  private run(record: TaskRecord, attempt: number): void {
    try {
      const body = record.app.body as Body;
      const value = this.within(record, () => body(...record.args.map(argumentValue)), isAsync(body));
      if (!(value instanceof Promise)) return this.succeed(record, attempt, value);
      value.then(
        (late: unknown) => {
          // An async function that returns a future gives what that gives: it is not to be told from one that returns a value.
          if (record.app.kind === "join" && !isJoinable(late)) record.more().resolved = true;
          this.succeed(record, attempt, late);
        },
        (error: unknown) => this.fail(record, attempt, ofChild(record, error)),
      );
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

  private fail(record: TaskRecord, attempt: number, thrown: unknown): void {
    if (!this.open.delete(record)) return;
    const error = ownError(thrown, `what ${record.app.name} threw`, { task: record.taskId, attempt, app: record.app.name });
    this.listener.failed(record, attempt, { error, charge: "app", held: false });
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
