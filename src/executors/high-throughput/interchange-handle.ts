import { Worker } from "node:worker_threads";
import { InterchangeLost } from "../../errors/index.js";
import { decodeThrown, type Encoded } from "../../serialization/index.js";
import type { FromInterchange, ThreadSetup, ToInterchange } from "./interchange-protocol.js";

export interface InterchangeListener {
  outcomes(records: Uint8Array): void;
  message(message: FromInterchange): void;
  /** Once, and not where it was stopped. */
  died(error: InterchangeLost): void;
}

const stopLimitMs = 3000;

/** An interchange in its own thread, from the head's side. */
export class InterchangeHandle {
  readonly listening: Promise<number>;
  private readonly worker: Worker;
  private settle!: { resolve: (port: number) => void; reject: (error: unknown) => void };
  private stopping = false;
  private readonly exited: Promise<void>;

  constructor(
    private readonly setup: ThreadSetup,
    private readonly listener: InterchangeListener,
  ) {
    this.listening = new Promise((resolve, reject) => (this.settle = { resolve, reject }));
    this.listening.catch(() => undefined);
    this.worker = new Worker(new URL("./interchange-main.js", import.meta.url), { workerData: setup, env: {}, execArgv: [] });
    this.worker.on("message", (message: Uint8Array | FromInterchange) => this.take(message));
    let cause: unknown;
    this.worker.once("error", (error) => (cause = error));
    this.exited = new Promise((resolve) => {
      this.worker.once("exit", (code) => {
        this.ended(code, cause);
        resolve();
      });
    });
    // While it boots, someone waits for it. A listener more would hold the program again.
    void this.listening.then(
      () => this.worker.unref(),
      () => this.worker.unref(),
    );
  }

  tell(message: ToInterchange): void {
    this.worker.postMessage(message);
  }

  submit(records: Uint8Array<ArrayBuffer>): void {
    this.worker.postMessage(records, [records.buffer]);
  }

  /** Managers are told to end; what has not by then loses its link. */
  async stop(within = stopLimitMs): Promise<void> {
    this.stopping = true;
    this.worker.ref();
    this.tell({ t: "stop", within });
    const late = setTimeout(() => void this.worker.terminate(), within + stopLimitMs);
    await this.exited;
    clearTimeout(late);
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    this.stopping = true;
    await this.worker.terminate();
  }

  private take(message: Uint8Array | FromInterchange): void {
    if (message instanceof Uint8Array) this.listener.outcomes(message);
    else {
      if (message.t === "listening") this.settle.resolve(message.port);
      else if (message.t === "failed") this.settle.reject(decodeThrown(message.error as Encoded));
      this.listener.message(message);
    }
  }

  private ended(code: number, cause: unknown): void {
    const { label, epoch } = this.setup.options;
    const error = new InterchangeLost("CW-EXEC-008", `the interchange of "${label}" ended (${cause instanceof Error ? cause.message : `exit code ${code}`})`, { where: { executor: label }, evidence: { exitCode: code, epoch }, cause });
    this.settle.reject(error);
    if (!this.stopping) this.listener.died(error);
  }
}
