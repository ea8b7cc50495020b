import { readFileSync, readlinkSync } from "node:fs";
import { factsOf, isAlive } from "../../providers/local-processes.js";

/** Where a manager's process can be looked at. */
export interface ProcessPlace {
  /** The running system and its numbering of processes: two that say the same see each other. */
  readonly machine: string;
  readonly pid: number;
  /** Clock ticks from the start of the machine to that of the process. */
  readonly start: number;
}

/** What can be seen of a process from here; `elsewhere`: nothing. */
export type Presence = "here" | "gone" | "elsewhere";

/** Undefined on a system without `/proc`. */
export function placeOfThisProcess(): ProcessPlace | undefined {
  const machine = thisMachine();
  const facts = factsOf(process.pid);
  return machine === undefined || facts === undefined ? undefined : { machine, ...facts };
}

/** Whether a process is alive, where that can be told. One that is dead and not reaped is gone. */
export function presenceOf(place: ProcessPlace | undefined): Presence {
  if (place === undefined || place.machine !== thisMachine()) return "elsewhere";
  return isAlive(place) ? "here" : "gone";
}

function thisMachine(): string | undefined {
  try {
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return undefined;
  }
}
