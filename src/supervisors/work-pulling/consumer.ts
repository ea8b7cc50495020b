import type { Carried } from "../../actors/channels.js";
import { Cell, type CellKind } from "../../actors/cell.js";
import { compile } from "../../actors/compile.js";
import { Dispatcher } from "../../actors/dispatcher.js";
import type { Timer } from "../../actors/ports.js";
import { realPorts } from "../../actors/real-ports.js";
import { workConsumerMachine, type ConsumerContext, type ConsumerEffect, type ConsumerInput, type ConsumerMessage } from "../../state-machines/work-consumer.js";
import type { JobOutcome } from "../../state-machines/work-pulling.js";
import { refusal } from "../refusal.js";
import type { ActorSystem } from "../system.js";
import { checkNames, resendPauses, wholeNumber, type ResendOptions } from "./options.js";
import { dispatcherOf, isSelf, portOfSelf, type ConsumerPort, type ConsumingSelf } from "./ports.js";
import { faultOf, postToProducer } from "./unsendable.js";

export interface WorkConsumerOptions extends ResendOptions {
  /** Shown in `transitions$`: `consumer`. */
  readonly name?: string;
  /** Whose time and order it lives in; that of the actor, or its own, where nothing is said. */
  readonly system?: ActorSystem;
  /** Jobs that may be here unconfirmed: 10, and at least `concurrency`. */
  readonly credit?: number;
  /** Jobs that are processed at a time: 1. */
  readonly concurrency?: number;
  /** Tokens of jobs processed for a producer that had given this consumer up, which are known when they come again: 1,000. */
  readonly remember?: number;
}

/** What a consumer does with a job. It is confirmed when this returns or its promise resolves; a throw is the job's end too, and rejects its offer. */
export type Process<Job, Answer> = (job: Job, about: { readonly token: string; /** Aborted when the consumer is closed. */ readonly signal: AbortSignal }) => Answer | PromiseLike<Answer>;

const chart = compile<ConsumerContext, ConsumerMessage, ConsumerEffect, ConsumerInput>(workConsumerMachine);
const names = ["name", "system", "credit", "concurrency", "remember", "resend", "longestResend"];

/** Asks a producer for work, as much as it has credit for, and confirms what it has processed. */
export class WorkConsumer<Job = unknown, Answer = unknown> {
  private readonly dispatcher: Dispatcher;
  private readonly cell: Cell<ConsumerContext, ConsumerMessage, ConsumerEffect>;
  private readonly abort = new AbortController();
  private readonly port: ConsumerPort;
  private timer: Timer | undefined;

  constructor(port: ConsumerPort | ConsumingSelf, private readonly process: Process<Job, Answer>, options: WorkConsumerOptions = {}) {
    checkNames(options, names);
    if (typeof process !== "function") throw refusal("invalid_process", "process, what a consumer does with a job, must be a function");
    const { name = "consumer", system, concurrency = 1, credit = Math.max(10, concurrency), remember = 1000 } = options;
    const input: ConsumerInput = { credit: wholeNumber("credit", credit, 1), concurrency: wholeNumber("concurrency", concurrency, 1), remember: wholeNumber("remember", remember, 0), ...resendPauses(options) };
    if (input.credit < input.concurrency) throw refusal("invalid_credit", `credit (${input.credit}) must not be less than concurrency (${input.concurrency})`);
    this.dispatcher = system?.dispatcher ?? dispatcherOf(port) ?? new Dispatcher(realPorts());
    this.port = isSelf(port) ? portOfSelf(port) : port;
    this.cell = new Cell(this.kind(), name);
    this.dispatcher.start(this.cell, input);
    this.port.onMessage((message) => {
      if (!this.isOver()) this.dispatcher.tell(this.cell, message);
    });
    this.port.onClose(() => this.close());
  }

  /** Jobs that wait here, and jobs that are being processed. */
  get counts(): { readonly waiting: number; readonly active: number } {
    const { waiting, active } = this.cell.context;
    return { waiting: waiting.length, active: active.length };
  }

  /** Processes nothing more, and confirms nothing more. What it had goes to other consumers when its producer learns of its end. */
  close(): void {
    if (!this.isOver()) this.dispatcher.tellControl(this.cell, { type: "consumer.close" });
    this.abort.abort(refusal("shutdown", "the work consumer is closed"));
    this.timer?.cancel();
  }

  private kind(): CellKind<ConsumerContext, ConsumerMessage, ConsumerEffect, ConsumerInput, Cell<ConsumerContext, ConsumerMessage, ConsumerEffect>> {
    return {
      name: "work-consumer",
      chart,
      perform: {
        "producer.send": ({ message }) => postToProducer((one) => this.port.post(one), message),
        "job.process": ({ token, job }) => this.begin(token, job as Job),
        "timer.start": ({ timer, ms }) => {
          this.timer?.cancel();
          this.timer = this.dispatcher.ports.clock.after(ms, () => this.tell({ type: "resend.due", timer }));
        },
        "timer.cancel": () => this.timer?.cancel(),
      },
      crashed: () => this.close(),
    };
  }

  private begin(token: string, job: Job): void {
    const { signal } = this.abort;
    if (signal.aborted) return;
    const fault = faultOf(job);
    const over = (outcome: JobOutcome): void => this.tell({ type: "job.processed", token, outcome });
    if (fault !== undefined) {
      over({ error: fault });
      return;
    }
    try {
      const answer = this.process(job, { token, signal });
      if (isPromiseLike(answer)) answer.then((value) => over({ answer: value }), (error: unknown) => over({ error }));
      else over({ answer });
    } catch (error) {
      over({ error });
    }
  }

  private tell(message: Carried<"work-consumer", "processing" | "consumer's timer">): void {
    if (!this.isOver()) this.dispatcher.tell(this.cell, message);
  }

  private isOver(): boolean {
    return this.abort.signal.aborted || this.cell.crashed || this.cell.state.final;
  }
}

const isPromiseLike = <T>(value: T | PromiseLike<T>): value is PromiseLike<T> => typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

/** Consumes work from a producer: over a link's port, or as an actor by its `self`, whose messages then are its producer's. */
export function consumeWork<Job = unknown, Answer = unknown>(port: ConsumerPort | ConsumingSelf, process: Process<Job, Answer>, options: WorkConsumerOptions = {}): WorkConsumer<Job, Answer> {
  return new WorkConsumer<Job, Answer>(port, process, options);
}
