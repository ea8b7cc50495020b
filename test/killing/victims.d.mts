import type { App } from "caraway";

export interface Victim {
  readonly name: string;
  readonly app: App<[mark: string], unknown>;
  /** It has processes of its own. */
  readonly processes?: boolean;
  readonly bash?: boolean;
  /** Nothing but its process's end can end it. */
  readonly native?: boolean;
  /** How it ends by itself: a state, or the name of an error class. */
  readonly ends?: string;
  /** It ends the process it is in. */
  readonly killsProcess?: boolean;
  /** It goes on until the system's memory is used up, unless there is a limit. */
  readonly needsLimit?: boolean;
}

export const victims: readonly Victim[];
