import type { Dispatcher, TransitionRecord } from "../../actors/dispatcher.js";
import type { Steps } from "./interchange/step-reporter.js";

/** The steps of an interchange and of its managers, in the stream of the head's own cells. */
export class RelayedSteps {
  /** Steps that the interchange had to drop. */
  dropped = 0;
  private readonly open = new Map<string, TransitionRecord>();

  constructor(private readonly dispatcher: Dispatcher) {}

  take({ records, dropped }: Steps): void {
    this.dropped += dropped;
    for (const record of records) {
      const key = `${record.kind}/${record.id}#${record.incarnation}`;
      if (record.final || record.outcome === "crashed") this.open.delete(key);
      else this.open.set(key, record);
      this.dispatcher.relay(record);
    }
  }

  /** The interchange is gone, and what it knew of managers went with it. */
  ended(): void {
    for (const { seq, kind, id, incarnation, to } of this.open.values()) {
      this.dispatcher.relay({ seq, cause: 0, at: this.dispatcher.ports.clock.now(), kind, id, incarnation, from: to, to: "gone", final: true, message: { type: "interchange.lost" }, effects: [], outcome: "moved" });
    }
    this.open.clear();
  }
}
