import { expect, onTestFinished } from "vitest";
import type { SimulatedPorts } from "#internal/actors/simulated-ports";
import { SupervisionError } from "#internal/errors/index";
import { simulate } from "#internal/supervisors/simulation";
import type { ActorSystem } from "#internal/supervisors/system";
import type { ActorRef, ChildSpec, EndReason, Self, Supervisor, SupervisorSpec } from "#internal/supervisors/types";
import { describeViolation, InvariantChecker } from "#internal/testing/index";
import { supervisionRules } from "../../property/supervision-rules.js";

/** A system on simulated time, which keeps the rules of supervision, and what its actors did, with the times. */
export class Lab {
  readonly log: string[] = [];
  readonly system: ActorSystem;
  readonly ports: SimulatedPorts;

  constructor(seed = 1) {
    ({ system: this.system, ports: this.ports } = simulate(seed, "lab"));
    const checker = new InvariantChecker({ invariants: supervisionRules, slack: 10 });
    this.system.transitions$.subscribe((record) => checker.feed(record));
    onTestFinished(() => expect(checker.violations.map(describeViolation)).toEqual([]));
  }

  note(text: string): void {
    this.log.push(`${this.ports.clock.now()} ${text}`);
  }

  /** Lets everything happen that leads to the answer, however long it takes in simulated time. */
  async settled<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    await this.ports.settle(1_000_000);
    return promise;
  }

  /** The word of a refusal, or `fine`. */
  async word(promise: Promise<unknown>): Promise<string> {
    return this.settled(promise.then(() => "fine", (error: unknown) => (error instanceof SupervisionError ? error.reason : `threw ${String(error)}`)));
  }

  async supervise(spec: SupervisorSpec, id = "top"): Promise<Supervisor> {
    return this.settled(this.system.supervise(spec, id));
  }

  /** A function that notes its start and its end, exits as it is told, and throws what it is told to. */
  worker(id: string, more: Partial<ChildSpec> & { readonly onStop?: (reason: EndReason) => void | Promise<void>; readonly onStart?: () => unknown } = {}): ChildSpec {
    const { onStop, onStart, ...spec } = more;
    return {
      id,
      run: (self: Self<WorkerMessage>) => {
        this.note(`start ${id}`);
        self.onStop((reason) => {
          this.note(`stop ${id} ${JSON.stringify(reason)}`);
          return onStop?.(reason);
        });
        self.receive((message, reply) => {
          if ("exit" in message) self.exit(message.exit);
          else if ("fail" in message) throw message.fail;
          else reply(`${id}.${self.incarnation} heard ${message.say}`);
        });
        return onStart?.();
      },
      ...spec,
    };
  }
}

export type WorkerMessage = { readonly exit: EndReason } | { readonly fail: unknown } | { readonly say: string };

/** The ref of a child that runs. */
export function refOf(supervisor: Supervisor, id: string): ActorRef {
  const ref = supervisor.children().find((child) => child.id === id)?.ref;
  if (typeof ref !== "object") throw new Error(`${id} is not running, but ${String(ref)}`);
  return ref;
}
