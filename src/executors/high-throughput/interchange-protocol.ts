import type { ListenPlace } from "../../actors/links/places.js";
import type { Encoded } from "../../serialization/index.js";
import type { Needs } from "../executor.js";
import type { Token } from "./protocol.js";
import type { Steps } from "./interchange/step-reporter.js";
import type { InterchangeEvent, InterchangeOptions } from "./interchange/types.js";

/** What an interchange's thread is started with. */
export interface ThreadSetup {
  readonly options: InterchangeOptions;
  /** What managers find it by; a restarted interchange is given the port it had. */
  readonly place: ListenPlace;
  /** The directory of the keys, and whose there are already. */
  readonly keys: string;
  /** Where the steps of its cells are wanted from the first on: when the head's clock was at 0, in milliseconds since 1970. */
  readonly observedFrom: number | undefined;
}

/** Besides pieces of memory with records of tasks. */
export type ToInterchange =
  | { readonly t: "define"; readonly app: number; readonly bytes: Uint8Array }
  | { readonly t: "cancel"; readonly task: number; readonly attempt: number }
  | { readonly t: "expect"; readonly tokens: readonly Token[]; readonly needs: readonly (readonly [task: number, needs: Needs])[] }
  /** The key of a block is on disk. */
  | { readonly t: "trust"; readonly identity: string }
  | { readonly t: "revoke"; readonly identity: string }
  /** To an actor at a manager. */
  | { readonly t: "to-actor"; readonly manager: string; readonly heading: Uint8Array; readonly payload: Uint8Array | undefined }
  /** Whether the steps of its cells are wanted; `origin` is when the head's clock was at 0, in milliseconds since 1970. */
  | { readonly t: "observe"; readonly on: boolean; readonly origin: number }
  | { readonly t: "drain"; readonly block: string }
  | { readonly t: "resume"; readonly block: string }
  /** Managers are told to end; `stopped` follows when they have, or after so many milliseconds. */
  | { readonly t: "stop"; readonly within: number };

/** Besides pieces of memory with records of outcomes. */
export type FromInterchange =
  /** `port`: 0 where it has none. */
  | { readonly t: "listening"; readonly port: number }
  /** Whoever has that key may come; or, with an error, its file could not be read. */
  | { readonly t: "trusted"; readonly identity: string; readonly error?: Encoded }
  | { readonly t: "news"; readonly bytes: Uint8Array }
  /** What a manager says of an actor. */
  | { readonly t: "of-actor"; readonly manager: string; readonly heading: Uint8Array; readonly payload: Uint8Array }
  /** A peer was not let in. */
  | { readonly t: "refused"; readonly address: string; readonly reason: string; readonly message: string }
  | { readonly t: "failed"; readonly error: unknown }
  /** What managers find it by does not work: for the time being, or, where that is over, for good. */
  | { readonly t: "unreachable"; readonly error: unknown; readonly over: boolean }
  | ({ readonly t: "steps" } & Steps)
  | { readonly t: "stopped" }
  | InterchangeEvent;
