// Writes down when each task ran, from what the kernel announces.

/** Short tasks are not always seen running: then they count from when their worker got them. */
const begun = new Set(["dispatched", "running", "joining"]);
const ended = new Set(["done", "failed", "cancelled", "dependency-failed", "memoized"]);

/** Begins to record; `soFar()` gives the runs of tasks until now, in milliseconds since the beginning. */
export function recordRun(kernel) {
  const zero = performance.now();
  const open = new Map();
  const runs = [];
  const close = (task, outcome) => {
    const run = open.get(task);
    if (run !== undefined) runs.push({ ...run, end: performance.now() - zero, outcome });
    open.delete(task);
  };
  kernel.events$.subscribe((event) => {
    if (event.type === "task.retry") close(event.task, "failed");
    if (event.type !== "task.state") return;
    const { task, app, state, attempt } = event;
    if (state === "joining" && open.has(task)) return;
    if (begun.has(state)) open.set(task, { task, app, attempt, start: performance.now() - zero });
    else if (ended.has(state)) close(task, state);
  });
  return { soFar: () => ({ runs: [...runs], ms: performance.now() - zero }) };
}
