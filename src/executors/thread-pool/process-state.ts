import { readFileSync } from "node:fs";

const meanings: Readonly<Record<string, string>> = { R: "running", S: "waiting", D: "in a call of its kernel that cannot be interrupted", T: "stopped", t: "stopped by a debugger", Z: "ended", I: "idle" };

/** What the kernel says of the main thread of a process: a letter, and what that means. Undefined where there is no `/proc`, or no such process. */
export function stateOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const letter = stat.charAt(stat.lastIndexOf(")") + 2);
    return `${letter} (${meanings[letter] ?? "a state of its kernel's own"})`;
  } catch {
    return undefined;
  }
}
