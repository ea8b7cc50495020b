import type { Scheduler } from "../../actors/ports.js";
import type { Needs, RunnableApp } from "../executor.js";
import { ByteWriter } from "./bytes.js";
import { writeDefinition } from "./contents.js";
import type { Token } from "./protocol.js";
import { writeTask } from "./records.js";
import type { RemoteAttempt } from "./remote-attempt.js";

/** The way to the interchange, while there is one. */
export interface InterchangeWay {
  submit(records: Uint8Array<ArrayBuffer>): void;
  define(app: number, bytes: Uint8Array): void;
  cancel(task: number, attempt: number): void;
  expect(tokens: readonly Token[], needs: readonly (readonly [task: number, needs: Needs])[]): void;
}

/** So many bytes of records wait for the end of a turn at most: some hundred tasks, so that the first of many are at work while the others are still told. */
const mostAtOnce = 24 * 1024;

/** What goes to the interchange: the records of a turn together, each app once. Without an interchange it waits for the next. */
export class Outbound {
  private way: InterchangeWay | undefined;
  private readonly writer = new ByteWriter(64 * 1024);
  private readonly apps = new Map<number, Uint8Array>();
  private flushing = false;

  constructor(
    private readonly scheduler: Scheduler,
    /** There is work, in this turn for the first time. */
    private readonly offered: () => void,
    /** It cannot travel. */
    private readonly refused: (attempt: RemoteAttempt, error: unknown) => void,
  ) {}

  get isConnected(): boolean {
    return this.way !== undefined;
  }

  connect(way: InterchangeWay): void {
    this.way = way;
    this.writer.length = 0;
    for (const [app, bytes] of this.apps) way.define(app, bytes);
  }

  disconnect(): void {
    this.way = undefined;
  }

  send(attempt: RemoteAttempt): void {
    this.define(attempt.work.app);
    if (this.way !== undefined) this.write(attempt);
    if (this.flushing) return;
    this.flushing = true;
    this.offered();
    this.scheduler.soon(() => {
      this.flushing = false;
      this.flush();
    });
  }

  write(attempt: RemoteAttempt): void {
    try {
      writeTask(this.writer, attempt.work, attempt.number);
    } catch (error) {
      this.refused(attempt, error);
    }
    if (this.writer.length > mostAtOnce) this.flush();
  }

  flush(): void {
    if (this.writer.length > 0 && this.way !== undefined) this.way.submit(this.writer.take());
  }

  /** Takes it back, or has it ended where it runs. */
  cancel({ work, number }: RemoteAttempt): void {
    this.way?.cancel(work.taskId, number);
  }

  expect(tokens: readonly Token[], needs: readonly (readonly [task: number, needs: Needs])[]): void {
    this.way?.expect(tokens, needs);
  }

  private define(app: RunnableApp): void {
    if (this.apps.has(app.key)) return;
    const bytes = writeDefinition(app);
    this.apps.set(app.key, bytes);
    this.way?.define(app.key, bytes);
  }
}
