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
  readonly ends?: RegExp;
  /** It ends the process it is in. */
  readonly killsProcess?: boolean;
  /** It needs a limit on the memory of its process: else it would take what the machine has. */
  readonly needsLimit?: boolean;
}

export const victims: readonly Victim[];
