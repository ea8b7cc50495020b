import type { AnyActorRef, InspectionEvent, Observer } from "xstate";

/**
 * The actors of one xstate system, kept apart from the process: xstate throws what nobody listens to from a timer, where it ends the
 * program. Every actor of the system, however deep, is given a listener for its error, and its subscribers are called inside a fence.
 */
export class LogicFences {
  private readonly actors = new Set<AnyActorRef>();

  /** `contained` is told what subscribers threw, and errors that nobody else listened to: their parents hear of those. */
  constructor(private readonly contained: (error: unknown) => void) {}

  /** For xstate's option `inspect`: it hears of each actor before anybody else has it in hand. */
  readonly inspect = (event: InspectionEvent): void => {
    if (event.type === "@xstate.actor") this.fence(event.actorRef as AnyActorRef);
  };

  /** Ends what is left. xstate leaves the children of an actor running when its own transition throws. */
  stopAll(): void {
    for (const actor of [...this.actors].reverse()) actor.send({ type: "xstate.stop" });
    this.actors.clear();
  }

  private fence(actor: AnyActorRef): void {
    this.actors.add(actor);
    const { contained } = this;
    const fenced = <T>(call: ((value: T) => unknown) | undefined) => (value: T): void => {
      try {
        call?.(value);
      } catch (error) {
        contained(error);
      }
    };
    const subscribe = actor.subscribe.bind(actor) as (observer: Observer<unknown>) => ReturnType<AnyActorRef["subscribe"]>;
    actor.subscribe = (first: Partial<Observer<unknown>> | ((value: unknown) => void), error?: (error: unknown) => void, complete?: () => void) => {
      const given = typeof first === "function" ? { next: first, error, complete } : first;
      return subscribe({ next: fenced(given.next?.bind(given)), error: fenced(given.error?.bind(given)), complete: () => fenced(given.complete?.bind(given))(undefined) });
    };
    const on = actor.on.bind(actor) as (type: string, handler: (emitted: never) => void) => ReturnType<AnyActorRef["on"]>;
    actor.on = (type: string, handler: (emitted: never) => void) => on(type, fenced(handler));
    const forget = (): void => void this.actors.delete(actor);
    subscribe({ next: () => undefined, error: forget, complete: forget });
  }
}
