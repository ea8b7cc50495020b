import type { IncarnationHost } from "./incarnation.js";
import type { Services } from "./services.js";

/** What a ref belongs to: it tells what all incarnations behind the ref have in common, and is told how each fares. */
export interface Home extends IncarnationHost {
  readonly services: Services;
  /** The id that the ref shows. */
  readonly name: string;
  readonly path: string;
  /** Of the mailbox. */
  readonly capacity: number;
  /** A full mailbox drops its oldest message for a new one. */
  readonly dropsOldest: boolean;
}
