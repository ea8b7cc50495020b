import { LogicalRef, type Envelope } from "./logical-ref.js";
import { sendable, type Sendable } from "./sendable.js";

/** A message with its form for the way. */
interface Packed extends Envelope {
  readonly load: Sendable;
}

/** The ref of an actor that lives in a thread: what is told is looked at when it is told, so that its sender learns that it cannot be sent. */
export class ThreadRef extends LogicalRef {
  protected override post(envelope: Envelope): void {
    const load = this.packed(envelope);
    if (load === undefined) return;
    super.post(envelope.reply === undefined ? ({ message: load.value, load } satisfies Packed) : Object.assign(envelope, { load }));
  }

  private packed({ message, refuse }: Envelope): Sendable | undefined {
    try {
      return sendable(message, `a message to ${this.path}`);
    } catch (error) {
      this.services.deadLetter(this.path, message, "uncloneable");
      if (refuse === undefined) throw error;
      refuse(error);
      return undefined;
    }
  }
}

/** What is sent of an envelope that a `ThreadRef` gave. */
export const loadOf = (envelope: Envelope): Sendable => (envelope as Packed).load;
