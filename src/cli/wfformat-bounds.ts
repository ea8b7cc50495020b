import { childrenOf, type RecordedTask } from "./wfformat-document.js";

/** What no schedule can beat, and what a good one reaches. In the unit of the durations. */
export interface Bounds {
  /** The longest chain of tasks that wait for each other. */
  readonly criticalPath: number;
  /** All durations together. */
  readonly work: number;
  /** The larger of the critical path and the work shared by all slots: no schedule is shorter. */
  readonly lower: number;
  /** What list scheduling (Graham 1969) takes, by the longest remaining path: at most (2 − 1/slots) times the shortest possible. */
  readonly listSchedule: number;
}

/** Bounds on the makespan of these tasks (parents first) on so many slots. */
export function boundsOf(tasks: readonly RecordedTask[], duration: (task: RecordedTask) => number, slots: number): Bounds {
  const remaining = remainingPaths(tasks, duration);
  const criticalPath = [...remaining.values()].reduce((most, path) => Math.max(most, path), 0);
  const work = tasks.reduce((sum, task) => sum + duration(task), 0);
  return { criticalPath, work, lower: Math.max(criticalPath, work / slots), listSchedule: listSchedule(tasks, duration, slots, remaining) };
}

/** For each task the longest chain from its start to the end of everything after it. */
export function remainingPaths(tasks: readonly RecordedTask[], duration: (task: RecordedTask) => number): Map<string, number> {
  const children = childrenOf(tasks);
  const remaining = new Map<string, number>();
  for (const task of [...tasks].reverse()) {
    const longest = (children.get(task.id) ?? []).reduce((most, child) => Math.max(most, remaining.get(child) ?? 0), 0);
    remaining.set(task.id, duration(task) + longest);
  }
  return remaining;
}

/** Simulates it: whenever a slot is free, the ready task with the longest remaining path takes it. */
function listSchedule(tasks: readonly RecordedTask[], duration: (task: RecordedTask) => number, slots: number, remaining: ReadonlyMap<string, number>): number {
  const children = childrenOf(tasks);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const open = new Map(tasks.map(({ id, parents }) => [id, parents.length]));
  const longestFirst = (a: RecordedTask, b: RecordedTask) => (remaining.get(b.id) ?? 0) - (remaining.get(a.id) ?? 0);
  const ready = tasks.filter(({ parents }) => parents.length === 0).sort(longestFirst);
  const running: { readonly task: RecordedTask; readonly end: number }[] = [];
  let now = 0;
  while (ready.length > 0 || running.length > 0) {
    for (const task of ready.splice(0, slots - running.length)) running.push({ task, end: now + duration(task) });
    running.sort((a, b) => a.end - b.end);
    now = running[0]?.end ?? now;
    while (running[0] !== undefined && running[0].end <= now) {
      for (const child of children.get(running.shift()?.task.id ?? "") ?? []) {
        const left = (open.get(child) ?? 0) - 1;
        open.set(child, left);
        const task = left === 0 ? byId.get(child) : undefined;
        if (task !== undefined) ready.push(task);
      }
    }
    ready.sort(longestFirst);
  }
  return now;
}
