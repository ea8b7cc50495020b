import type { EndReason } from "../state-machines/end-reason.js";
import type { Scheduler } from "./ports.js";

/**
 * Who is told when an actor ends: each watch gives one notice, also when the end came first, and none once it was taken back,
 * also when the notice was on its way already.
 */
export class EndNotices {
  /** Most actors are watched by nobody. */
  private watches: Set<(reason: EndReason) => void> | undefined;
  private ended: EndReason | undefined;

  constructor(private readonly scheduler: Scheduler) {}

  /** Tells `onEnd` of the end, never within this call. Gives what takes the watch back. */
  watch(onEnd: (reason: EndReason) => void): () => void {
    let wanted = true;
    const notice = (reason: EndReason): void => {
      this.scheduler.soon(() => {
        if (!wanted) return;
        wanted = false;
        onEnd(reason);
      });
    };
    if (this.ended === undefined) (this.watches ??= new Set()).add(notice);
    else notice(this.ended);
    return () => {
      wanted = false;
      this.watches?.delete(notice);
    };
  }

  /** The end, once; later ones are not heard. */
  end(reason: EndReason): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    const { watches } = this;
    this.watches = undefined;
    if (watches !== undefined) for (const notice of watches) notice(reason);
  }

  get reason(): EndReason | undefined {
    return this.ended;
  }
}
