import { parseDuration } from "../config/units.js";
import { RefBehind } from "./addressable.js";
import type { Envelope } from "./envelope.js";
import type { Services } from "./services.js";
import type { Duration } from "./types.js";

const defaultTimeout = 5000;

/** A ref that keeps the time limits of the questions asked through it. */
export abstract class AskingRef extends RefBehind {
  protected abstract readonly services: Services;
  /** Sends a message on its way. */
  protected abstract post(envelope: Envelope): void;
  /** Whoever asked has an answer, or waits no more. */
  protected abstract settled(envelope: Envelope): void;
  /** What is known where no answer came in time. */
  protected abstract silent(ms: number): Error;

  tell(message: unknown): void {
    this.post({ message });
  }

  ask(message: unknown, { timeout = defaultTimeout }: { readonly timeout?: Duration } = {}): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const ms = parseDuration(timeout, "the time-out of ask");
      const envelope: Envelope = {
        message,
        reply: (answer) => over(() => resolve(answer)),
        refuse: (error) => over(() => reject(error)),
      };
      const timer = this.services.ports.clock.after(ms, () => over(() => reject(this.silent(ms))));
      const over = (settle: () => void): void => {
        timer.cancel();
        this.settled(envelope);
        settle();
      };
      this.post(envelope);
    });
  }
}
