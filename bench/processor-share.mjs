// Who used the processors while a figure was measured: this run, or others.
import { existsSync, readFileSync } from "node:fs";

/** Clock ticks so far: of all processors, of them not idle, and by this process and its ended children; undefined where there is no /proc. */
function ticks() {
  if (!existsSync("/proc/stat")) return undefined;
  const all = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "").split(/\s+/).slice(1, 9).map(Number);
  const total = all.reduce((a, b) => a + b, 0);
  const busy = total - (all[3] ?? 0) - (all[4] ?? 0); // idle, waiting for a disk
  const own = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ").slice(11, 15); // utime stime cutime cstime
  return { total, busy, own: own.reduce((sum, field) => sum + Number(field), 0) };
}

/** Starts watching; the answer tells the percentage of the machine's processor time that others (also other guests of its host) took since. */
export function watchOthers() {
  const before = ticks();
  return () => {
    const after = ticks();
    if (before === undefined || after === undefined || after.total === before.total) return undefined;
    const others = after.busy - before.busy - (after.own - before.own);
    return Math.max(0, Math.round((others / (after.total - before.total)) * 100));
  };
}
