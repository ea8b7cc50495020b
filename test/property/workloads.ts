import fc from "fast-check";
import { plain, type Act, type Disturbance, type HostConduct, type PlannedExecutor, type PlannedTask, type Workload } from "#internal/testing/index";

/** What random workloads are made of; each part can be left out. */
export interface WorkloadParts {
  readonly tasks?: number;
  readonly failures?: boolean;
  readonly deaths?: boolean;
  readonly natives?: boolean;
  readonly walltimes?: boolean;
  readonly cancels?: boolean;
  readonly closes?: boolean;
  readonly busy?: boolean;
  readonly commands?: boolean;
  readonly failedStarts?: boolean;
  readonly breaks?: boolean;
  readonly removals?: boolean;
}

/** Milliseconds in steps of a sixteenth, which shrink to readable numbers and add up exactly. */
const upTo = (most: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: most * 16 }).map((steps) => steps / 16);

const ms = fc.oneof(fc.constant(0), upTo(3), fc.integer({ min: 0, max: 30 }));

function acts(key: string, parts: WorkloadParts): fc.Arbitrary<Act[]> {
  const kinds: fc.WeightedArbitrary<Act>[] = [{ weight: 6, arbitrary: ms.map((time) => ({ do: "return", ms: time })) }];
  if (parts.failures) kinds.push({ weight: 2, arbitrary: fc.tuple(ms, fc.nat(2)).map(([time, n]) => ({ do: "throw", ms: time, message: `${key}!${n}` })) }, { weight: 1, arbitrary: ms.map((time) => ({ do: "exit", ms: time, code: 3 })) }, { weight: 1, arbitrary: ms.map((time) => ({ do: "exhaust", ms: time })) });
  if (parts.deaths) kinds.push({ weight: 1, arbitrary: ms.map((time) => ({ do: "die", ms: time })) });
  if (parts.natives) kinds.push({ weight: 1, arbitrary: fc.integer({ min: 1, max: 120 }).map((time) => ({ do: "native", ms: time })) });
  if (parts.walltimes || parts.cancels) kinds.push({ weight: 1, arbitrary: fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: -1, max: 30 })).map(([time, yields]) => ({ do: "cooperate", ms: time, yields })) });
  if (parts.walltimes || parts.cancels) kinds.push({ weight: 1, arbitrary: fc.constant({ do: "hang" }) });
  return fc.array(fc.oneof(...kinds), { minLength: 1, maxLength: 3 });
}

/** A task that hangs is given a walltime, and one whose every attempt hangs in a command or function ends by it. */
const bounded = (task: PlannedTask): PlannedTask => (task.walltime === 0 && task.acts.some((act) => act.do === "hang") ? { ...task, walltime: 15 } : task);

function task(name: string, before: readonly string[], parts: WorkloadParts, labels: readonly string[], depth = 0): fc.Arbitrary<PlannedTask> {
  const kinds: PlannedTask["kind"][] = ["function", "function", "function"];
  if (parts.commands) kinds.push("command");
  if (depth < 2) kinds.push("join");
  const base = fc.record({
    kind: fc.constantFrom(...kinds),
    acts: acts(name, parts),
    needs: before.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...before), { maxLength: 3 }),
    retries: parts.failures || parts.walltimes ? fc.nat(2) : fc.constant(0),
    lost: fc.nat(3),
    walltime: parts.walltimes ? fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 2, max: 30 }) }) : fc.constant(0),
    backoff: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 20 })),
    priority: fc.option(fc.integer({ min: -2, max: 2 }), { nil: undefined }),
    cache: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    executors: fc.option(fc.constantFrom(...labels).map((label) => [label]), { nil: undefined, freq: 3 }),
    late: fc.boolean(),
    missing: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    inner: depth < 2 ? fc.nat(3).chain((count) => list(`${name}.`, count, parts, labels, depth + 1)) : fc.constant([]),
    twin: fc.integer({ min: 0, max: 9 }),
  });
  return base.map(({ twin: _twin, ...made }) => bounded({ ...plain, name, key: name, ...made, inner: made.kind === "join" ? made.inner : [] }));
}

/** Tasks that need some of those before them; now and then a look-up, or an equal call of one before. */
function list(prefix: string, count: number, parts: WorkloadParts, labels: readonly string[], depth = 0): fc.Arbitrary<PlannedTask[]> {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const parts2 = names.map((name, i) => fc.tuple(task(name, names.slice(0, i), parts, labels, depth), fc.integer({ min: 0, max: 7 }), fc.nat(1000), fc.integer({ min: 0, max: 20 })));
  return fc.tuple(...parts2).map((made) => {
    const tasks: PlannedTask[] = [];
    for (const [planned, turn, pick, at] of made) {
      const other = tasks[pick % Math.max(1, tasks.length)];
      const when = depth > 0 ? 0 : Math.max(at, tasks.at(-1)?.at ?? 0);
      const canGet = other !== undefined && (other.kind === "function" || other.kind === "command");
      if (canGet && turn === 0) tasks.push({ ...plain, name: planned.name, key: planned.name, kind: "get", needs: [other.name], missing: planned.missing, at: when });
      else if (other !== undefined && turn <= 2 && other.kind === "function") tasks.push({ ...other, name: planned.name, cache: planned.cache || other.cache, at: when });
      else tasks.push({ ...planned, at: when });
    }
    return tasks;
  });
}

function conduct(parts: WorkloadParts): fc.Arbitrary<Partial<HostConduct>> {
  const span = (most: number) => upTo(most).map((top) => [0, top] as const);
  return fc.record({
    start: span(10), way: span(4), kill: span(6), flush: span(6),
    revoke: fc.oneof(fc.constant([0, 0] as const), span(5)),
    blind: fc.constantFrom(0, 0, 4),
    failStart: parts.failedStarts ? fc.constantFrom(0, 0.2, 0.6) : fc.constant(0),
    // Where every worker dies at once, nothing is ever done.
    death: parts.deaths ? fc.constantFrom(0, 0, 0.3, 0.7) : fc.constant(0),
    deathWithin: fc.integer({ min: 1, max: 80 }),
    duplicate: fc.constantFrom(0, 0, 0.3),
  });
}

function disturbances(tasks: readonly PlannedTask[], labels: readonly string[], parts: WorkloadParts): fc.Arbitrary<Disturbance[]> {
  const at = fc.oneof(upTo(60), fc.integer({ min: 0, max: 60 }));
  const kinds: fc.Arbitrary<Disturbance>[] = [];
  const names = tasks.flatMap(function all(one): string[] { return [one.name, ...one.inner.flatMap(all)]; });
  if (parts.cancels && names.length > 0) kinds.push(fc.record({ at, do: fc.constant("cancel" as const), task: fc.constantFrom(...names), twice: fc.boolean() }));
  if (parts.deaths) kinds.push(fc.record({ at, do: fc.constant("kill" as const), executor: fc.constantFrom(...labels), lane: fc.nat(2) }), fc.record({ at, do: fc.constant("kill-process" as const), executor: fc.constantFrom(...labels) }));
  if (parts.breaks) kinds.push(fc.record({ at, do: fc.constant("break" as const), executor: fc.constantFrom(...labels) }));
  if (parts.removals) kinds.push(fc.record({ at, do: fc.constant("remove" as const), executor: fc.constantFrom(...labels) }));
  const many = kinds.length === 0 ? fc.constant<Disturbance[]>([]) : fc.array(fc.oneof(...kinds), { maxLength: 4 });
  if (!parts.closes) return many;
  const close = fc.record({ at, do: fc.constant("close" as const), mode: fc.constantFrom("wait" as const, "cancel" as const), timeout: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined }) });
  return fc.tuple(many, fc.option(close, { nil: undefined })).map(([some, end]) => (end === undefined ? some : [...some, end]));
}

/** A random run: tasks, executors and disturbances. */
export function workloads(parts: WorkloadParts): fc.Arbitrary<Workload> {
  const executor = (label: string) => fc.record({ label: fc.constant(label), maxThreads: fc.integer({ min: 1, max: 3 }), minThreads: fc.integer({ min: 0, max: 2 }), conduct: conduct(parts) }).map((made): PlannedExecutor => ({ ...made, minThreads: Math.min(made.minThreads, made.maxThreads) }));
  return fc.integer({ min: 1, max: 2 }).chain((count) => {
    const labels = ["left", "right"].slice(0, count);
    return fc.integer({ min: 1, max: parts.tasks ?? 10 }).chain((size) => list("t", size, parts, labels)).chain((tasks) =>
      fc.record({
        tasks: fc.constant(tasks),
        executors: fc.tuple(...labels.map(executor)),
        disturbances: disturbances(tasks, labels, parts),
        maxPending: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined, freq: 3 }),
        busy: parts.busy ? fc.option(fc.record({ likely: fc.constantFrom(0.1, 0.5), pause: fc.constant([0, 3] as const) }), { nil: undefined }) : fc.constant(undefined),
      }),
    );
  });
}
