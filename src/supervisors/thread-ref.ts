import type { Envelope } from "./envelope.js";
import { LogicalRef } from "./logical-ref.js";
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
    super.post(envelope.reply === undefined ? { message: load.value, load } as Packed : Object.assign(envelope, { load }));
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

/** A message that was told, in the form that a `ThreadRef` gives it. */
export function packed(message: unknown, path: string): Envelope {
  const load = sendable(message, `a message to ${path}`);
  return { message: load.value, load } as Packed;
}

/** What is sent of an envelope that a `ThreadRef` gave. */
export const loadOf = (envelope: Envelope): Sendable => (envelope as Packed).load;
