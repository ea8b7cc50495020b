import type { EndNotices } from "../actors/end-notices.js";
import type { Announcer } from "../actors/streams.js";
import type { EndReason } from "../state-machines/end-reason.js";
import type { Envelope } from "./envelope.js";

/** What most refs never need: made when the first of it is. */
export class RefExtras {
  announcer: Announcer<unknown> | undefined;
  snapshotter: Announcer<object> | undefined;
  /** The promise of its end, and what settles it. */
  whenEnded: Promise<EndReason> | undefined;
  settle: ((reason: EndReason) => void) | undefined;
  /** Questions that are handled. */
  asked: Set<Envelope> | undefined;
  /** What was put aside. */
  aside: Envelope[] | undefined;
  /** Made for the first watch, or the first end. */
  notices: EndNotices | undefined;
  /** Incarnations that earlier refs of the same child have had. */
  before = 0;
  /** When the first incarnation was started, where that was later than its launch. */
  startedAt: number | undefined;
}
