import { scriptedResult, type Act } from "./script.js";
import type { Outcome, PlannedTask, Workload } from "./workload.js";

/** What can happen to any attempt of a run, whatever its task does. */
interface Weather {
  /** Workers may die by themselves. */
  readonly deaths: boolean;
  /** Workers may be ended, so that what had just ended on them runs again uncharged. */
  readonly reruns: boolean;
  /** Executors may fail for good. */
  readonly failedStarts: boolean;
  /** How often executors break. */
  readonly breaks: number;
  /** Executors may be gone: removed, or broken more than three times, so that their supervisor has given them up. */
  readonly removals: boolean;
  readonly closes: "no" | "wait" | "cancel";
  /** How late things may be noticed, in milliseconds. */
  readonly slack: number;
}

const lasting = (act: Act): number => (act.do === "hang" ? Infinity : act.ms);

const answers = (act: Act): boolean => act.do !== "exit" && act.do !== "die" && act.do !== "exhaust";

/** Whether workers may end on account of another task than this one. */
const othersEndWorkers = (name: string, tasks: readonly PlannedTask[]): boolean =>
  tasks.some((task) => (task.name !== name && (task.walltime > 0 || !task.acts.every(answers))) || othersEndWorkers(name, task.inner));

function weatherOf({ name }: PlannedTask, { tasks, executors, disturbances, busy }: Workload): Weather {
  const close = disturbances.find((one) => one.do === "close");
  const deaths = disturbances.some((one) => one.do === "kill" || one.do === "kill-process" || one.do === "break") || executors.some(({ conduct }) => (conduct.death ?? 0) > 0);
  const kills = disturbances.filter((one) => one.do === "kill").length;
  const breaks = disturbances.filter((one) => one.do === "break").length;
  const slowest = Math.max(1, ...executors.map(({ conduct }) => 2 * (conduct.way?.[1] ?? 1) + (conduct.flush?.[1] ?? 1) + (conduct.kill?.[1] ?? 1)));
  return {
    deaths,
    reruns: deaths || disturbances.length > 0 || othersEndWorkers(name, tasks),
    // Three workers in a row that end before they have begun any work make an executor fail.
    failedStarts: executors.some(({ conduct }) => (conduct.failStart ?? 0) > 0 || (conduct.death ?? 0) > 0) || kills > 2 || disturbances.some((one) => one.do === "kill-process"),
    breaks,
    removals: breaks > 3 || disturbances.some((one) => one.do === "remove"),
    closes: close === undefined ? "no" : close.mode === "wait" && close.timeout === undefined ? "wait" : "cancel",
    slack: slowest + 10 + 4 * (busy?.pause[1] ?? 0),
  };
}

/** How one attempt can end. */
type End = { readonly how: "value" } | { readonly how: "app" | "lost"; readonly root: string; readonly retryable: boolean } | { readonly how: "again" };

function endsOf(task: PlannedTask, act: Act, weather: Weather): End[] {
  const { key, walltime, kind } = task;
  const ends: End[] = [];
  const app = (name: string, of = key): End => ({ how: "app", root: `${name}:${of}`, retryable: true });
  const lost: End = { how: "lost", root: `WorkerLost:${key}`, retryable: true };
  if (act.do !== "hang" && (walltime === 0 || lasting(act) <= walltime + weather.slack)) {
    if (kind === "command") ends.push(act.do === "throw" || act.do === "die" || act.do === "exhaust" || (act.do === "exit" && act.code !== 0) ? app("BashExitFailure") : { how: "value" });
    else if (act.do === "throw") ends.push(app("ScriptedError", act.message));
    else if (act.do === "exit") ends.push(app("AppExit"));
    else if (act.do === "exhaust") ends.push(app("MemoryExceeded"));
    else if (act.do === "die") ends.push(lost);
    else ends.push({ how: "value" });
  }
  // A command is timed by the head, a function by its worker. What ended in time with its worker, or was lost after it, may be known too late.
  if (walltime > 0 && lasting(act) + (kind === "command" || weather.reruns || !answers(act) ? weather.slack : 0) >= walltime) ends.push(app("AppTimeout"));
  if (weather.deaths && kind === "function") ends.push(lost);
  // Commands have no worker to lose, and end with their executor only.
  if (kind === "function" ? weather.reruns : weather.breaks > 0 || weather.failedStarts) ends.push({ how: "again" });
  if (weather.removals) ends.push({ how: "app", root: `UnknownExecutor:${key}`, retryable: false });
  if (weather.failedStarts) ends.push({ how: "app", root: "BadStateException", retryable: false });
  return ends;
}

/** Every way a task can end by what it does itself, given the values it needs. */
function ownOutcomes(task: PlannedTask, inputs: readonly unknown[], weather: Weather): Outcome[] {
  const { acts, retries, lost, key } = task;
  const found = new Map<string, Outcome>();
  const add = (outcome: Outcome) => found.set(JSON.stringify(outcome), outcome);
  const seen = new Set<string>();
  const open: [attempt: number, spent: number, losses: number][] = [[1, 0, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [attempt, spent, losses] = next;
    if (seen.has(next.join())) continue;
    seen.add(next.join());
    const after = Math.min(attempt + 1, acts.length);
    for (const end of endsOf(task, acts[attempt - 1] as Act, weather)) {
      if (end.how === "value") add({ state: "done", value: scriptedResult(key, inputs) });
      else if (end.how === "again") open.push([after, spent, losses]);
      else if (end.how === "lost" && losses < lost) open.push([after, spent, losses + 1]);
      else if (end.how === "lost") add({ state: "failed", root: `TaskPoisoned:${key}` });
      else if (end.retryable && spent + 1 <= retries) open.push([after, spent + 1, losses]);
      else add({ state: "failed", root: end.root });
    }
  }
  return [...found.values()];
}

const isGood = ({ state }: Outcome): boolean => state === "done" || state === "memoized";
const rootsOf = (outcomes: Iterable<Outcome>): string[] => [...outcomes].flatMap((outcome) => (outcome.root === undefined || isGood(outcome) ? [] : [outcome.root]));

/** Every combination of one good value from each. */
function combinations(choices: readonly (readonly Outcome[])[]): unknown[][] {
  return choices.reduce<unknown[][]>((rows, choice) => rows.flatMap((row) => choice.filter(isGood).map(({ value }) => [...row, value])), [[]]);
}

/** A look-up of a property, or the body of a join with what it calls. */
function besideOutcomes(task: PlannedTask, inputs: readonly unknown[], of: (name: string) => readonly Outcome[], weather: Weather): Outcome[] {
  if (task.kind === "get") {
    if (task.missing) return [{ state: "failed", root: "TypeError:the result has no property \"missing\"" }];
    return [{ state: "done", value: (inputs[0] as { v: unknown }).v }];
  }
  const inner = task.inner.map(({ name }) => of(name));
  const outcomes: Outcome[] = rootsOf(inner.flat()).map((root) => ({ state: "failed", root }));
  for (const values of combinations(inner)) outcomes.push({ state: "done", value: values });
  if (weather.closes === "cancel") outcomes.push({ state: "failed", root: "KernelClosed" });
  return outcomes;
}

/** Whether somebody cancels the task, or a join whose body called it. */
function isCancelled(name: string, tasks: readonly PlannedTask[], cancelled: ReadonlySet<string>, above = false): boolean {
  return tasks.some((task) => {
    const here = above || cancelled.has(task.name);
    return task.name === name ? here : isCancelled(name, task.inner, cancelled, here);
  });
}

/**
 * Says how a task may end, from the plan alone. `of` gives the outcomes of other tasks: all that are allowed, or the one that was seen.
 * Knows nothing of charts, cells and executors.
 */
export function allowedOutcomes(task: PlannedTask, workload: Workload, of: (name: string) => readonly Outcome[]): readonly Outcome[] {
  const weather = weatherOf(task, workload);
  const needs = task.needs.map(of);
  const allowed: Outcome[] = rootsOf(needs.flat()).map((root) => ({ state: "dependency-failed", root }));
  for (const inputs of combinations(needs)) {
    allowed.push(...(task.kind === "get" || task.kind === "join" ? besideOutcomes(task, inputs, of, weather) : ownOutcomes(task, inputs, weather)));
  }
  if (task.cache) allowed.push(...allowed.filter(({ state }) => state === "done").map(({ value }) => ({ state: "memoized", value })));
  const cancelled = weather.closes === "cancel" || isCancelled(task.name, workload.tasks, new Set(workload.disturbances.flatMap((one) => (one.do === "cancel" ? [one.task] : []))));
  if (cancelled) allowed.push({ state: "cancelled", root: `TaskCancelled:${task.key}` });
  return allowed;
}

/** How every task of a workload may end, those that bodies of joins call included. */
export function interpret(workload: Workload): ReadonlyMap<string, readonly Outcome[]> {
  const outcomes = new Map<string, readonly Outcome[]>();
  const visit = (task: PlannedTask): void => {
    task.inner.forEach(visit);
    outcomes.set(task.name, allowedOutcomes(task, workload, (name) => outcomes.get(name) ?? []));
  };
  workload.tasks.forEach(visit);
  return outcomes;
}
