import type { ControlCodec } from "../../../actors/links/control.js";
import type { Dispatcher } from "../../../actors/dispatcher.js";
import type { Presence } from "../presence.js";
import type { Registration } from "../protocol.js";
import type { ManagerSelector } from "./selectors.js";

export type KnownManager = Pick<Registration, "uid" | "block" | "host" | "place">;

export interface InterchangeOptions {
  readonly label: string;
  /** Counts the interchanges of this executor, from 1. */
  readonly epoch: number;
  readonly selector: ManagerSelector;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  /** How long a manager whose link has ended, and whose process cannot be seen, has to come back, in milliseconds. */
  readonly reconnectMs: number;
  /** Managers of the interchange before this one: what waits is not given to others before these have said what they have. */
  readonly awaited?: readonly KnownManager[];
}

/** What the head learns besides what becomes of tasks. */
export type InterchangeEvent =
  | { readonly t: "registered"; readonly uid: string; readonly facts: Registration }
  | { readonly t: "manager.lost"; readonly uid: string; readonly block: string; readonly host: string; readonly loss: string; readonly silentMs: number; /** Its process was seen to have ended. */ readonly isEnded?: boolean }
  /** It wants no more work, and ends when it has finished what it has. */
  | { readonly t: "manager.retired"; readonly uid: string; readonly block: string }
  | { readonly t: "manager.gone"; readonly uid: string; readonly block: string }
  /** Nothing of the block's managers has work any more, and they get none. */
  | { readonly t: "block.drained"; readonly block: string }
  | { readonly t: "block.load"; readonly block: string; readonly busy: boolean };

export interface InterchangePorts {
  readonly dispatcher: Dispatcher;
  readonly codec: ControlCodec;
  /** Records of outcomes, in memory of their own. */
  toHead(records: Uint8Array<ArrayBuffer>): void;
  /** What a task reported, as its manager wrote it. */
  news(bytes: Uint8Array): void;
  event(event: InterchangeEvent): void;
  /** What can be seen of a manager's process from here; nothing, unless given. */
  presence?(manager: KnownManager): Presence;
  /** It broke a rule of its own, and cannot go on. */
  broken(error: unknown): void;
  /** What a manager says of an actor, in memory of its own. */
  ofActor(manager: string, heading: Uint8Array, payload: Uint8Array): void;
}
