import type { RemoteActor } from "./remote-actor.js";

/** A manager, as a place for actors. */
export interface ActorNode {
  /** The manager's own name. */
  readonly uid: string;
  readonly block: string;
  readonly host: string;
  readonly rank: number;
  readonly workers: number;
  readonly actors: Set<RemoteActor>;
  /** Its block, or it alone, takes nothing more. */
  rests: boolean;
  /** It is out of reach. */
  isDetached: boolean;
  isGone: boolean;
  /** When it was heard of last, by the clock here, while it is not heard of. */
  lostAt: number | undefined;
}

export const mayHost = ({ rests, isDetached, isGone }: ActorNode): boolean => !rests && !isDetached && !isGone;
