import { type Belonging, processesOf, signalled } from "../shell/process-table.js";

/** Who sees to the processes that tasks start themselves. Tasks are named by their tokens. */
export interface Offspring {
  /** In the environment of all of them, as `CARAWAY_HOST`. */
  readonly token: string;
  /** The task is about to start a process. Resolves when that could not outlive the program. */
  began(task: string): Promise<void>;
  /** The task was ended by force: so are its processes. */
  end(task: string): void;
}

/** The token of an attempt: in the environment of its processes, as `CARAWAY_TASK`. */
export const taskToken = (label: string, task: number, attempt: number): string => `${label}.${task}.${attempt}`;

const pollMs = 20;
/** Processes inside the kernel may take this long to end by SIGKILL. */
const giveUpAfter = 100;

/** Kills the processes of a task, again until none is left: they may be starting others. */
export function endOffspring(host: string, task: string, rounds = giveUpAfter): void {
  const belonging: Belonging = { group: undefined, host, task };
  const found = processesOf(belonging);
  for (const pid of found) signalled(pid, "SIGKILL");
  if (found.length > 0 && rounds > 0) setTimeout(() => endOffspring(host, task, rounds - 1), pollMs);
}

/** A value of `CARAWAY_HOST` or `CARAWAY_TASK` for processes inside: nested where this process is itself in another's care. */
export const nested = (outer: string | undefined, own: string): string => (outer === undefined || outer === "" ? own : `${outer}:${own}`);
