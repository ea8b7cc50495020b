import type { Observable } from "rxjs";
import type { InMemoryLink } from "../actors/links/in-memory.js";
import { parseDuration } from "../config/units.js";
import { AskTimeout } from "../errors/index.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { isAddressable, RefBehind, type Addressable } from "./addressable.js";
import type { Envelope } from "./envelope.js";
import { mapRefs } from "./map-refs.js";
import { sendable } from "./sendable.js";
import type { Services } from "./services.js";
import type { ActorRef, Duration, Supervisor } from "./types.js";

/** To the actor; `call` is 0 where nobody waits for an answer. */
export interface LinkedMessage {
  readonly call: number;
  readonly message: unknown;
}

export type LinkedAnswer = { readonly call: number; readonly answer: unknown } | { readonly call: number; readonly error: unknown };

const askLimitBeyond = "1h";

/**
 * An actor of another system, over a link: what is told and asked passes the link as a copy, and is lost, doubled, late or overtaken as the
 * link's faults have it. What is only looked at (`alive`, `ended`, `watch`, `events$`, `snapshot$`) is seen as it is over there.
 */
export class LinkedRef extends RefBehind implements ActorRef {
  private readonly calls = new Map<number, Envelope>();
  private numbers = 0;

  constructor(
    private readonly services: Services,
    private readonly target: Addressable,
    private readonly link: InMemoryLink<LinkedMessage, LinkedAnswer>,
  ) {
    super();
    link.right.onMessage((one) => this.arrived(one));
    link.left.onMessage((one) => this.answered(one));
  }

  get id(): string {
    return this.target.id;
  }

  get path(): string {
    return this.target.path;
  }

  get incarnation(): number {
    return this.target.incarnation;
  }

  get alive(): boolean {
    return this.target.alive;
  }

  get ended(): Promise<EndReason> {
    return this.target.ended;
  }

  get events$(): Observable<unknown> {
    return this.target.events$;
  }

  get snapshot$(): Observable<unknown> {
    return this.target.snapshot$;
  }

  get supervisor(): Supervisor | undefined {
    return this.target.supervisor;
  }

  tell(message: unknown): void {
    this.deliver({ message });
  }

  ask(message: unknown, { timeout = 5000 }: { readonly timeout?: Duration } = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ms = parseDuration(timeout, "the time-out of ask");
      const timer = this.services.ports.clock.after(ms, () => {
        this.calls.delete(call);
        reject(new AskTimeout("CW-SUP-002", `${this.path} did not answer over its link within ${ms} ms`, { where: { actor: this.path }, evidence: { timeout: ms, link: { ...this.link.counts } } }));
      });
      const over = <T>(settle: (value: T) => void) => (value: T): void => {
        timer.cancel();
        settle(value);
      };
      const call = this.deliver({ message, reply: over(resolve), refuse: over(reject) });
    });
  }

  /** Gives the number of the call; 0 where nothing is asked. */
  deliver(envelope: Envelope): number {
    const { message, reply, refuse } = envelope;
    let copy: unknown;
    try {
      copy = copied(message, `a message to ${this.path}`);
    } catch (error) {
      this.services.deadLetter(this.path, message, "uncloneable");
      if (refuse === undefined) throw error;
      refuse(error);
      return 0;
    }
    const call = reply === undefined ? 0 : ++this.numbers;
    if (call > 0) this.calls.set(call, envelope);
    this.link.left.post({ call, message: copy });
    return call;
  }

  watch(onEnd: (reason: EndReason) => void): () => void {
    return this.target.watch(onEnd);
  }

  /** Over there. */
  private arrived({ call, message }: LinkedMessage): void {
    if (call === 0) {
      this.target.tell(message);
      return;
    }
    const answer = (make: () => LinkedAnswer): void => {
      try {
        this.link.right.post(make());
      } catch (error) {
        this.link.right.post({ call, error });
      }
    };
    this.target.ask(message, { timeout: askLimitBeyond }).then(
      (value) => answer(() => ({ call, answer: copied(value, `an answer of ${this.path}`) })),
      (error: unknown) => answer(() => ({ call, error })),
    );
  }

  /** A second answer to one call finds nobody. */
  private answered(one: LinkedAnswer): void {
    const call = this.calls.get(one.call);
    this.calls.delete(one.call);
    if ("error" in one) call?.refuse?.(one.error);
    else call?.reply?.(one.answer);
  }
}

/** As it would arrive from another machine; refs in it are themselves. Throws a `SupervisionError` with the reason `uncloneable`. */
function copied(value: unknown, what: string): unknown {
  const load = sendable(value, what);
  return load.holdsRefs ? mapRefs(load.value, (found) => (isAddressable(found) ? found : undefined)) : structuredClone(load.value);
}
