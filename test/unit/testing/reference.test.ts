import { describe, expect, test } from "vitest";
import { interpret, plain, scriptedResult, type Act, type Outcome, type PlannedTask, type Workload } from "#internal/testing/index";

const workload = (tasks: readonly Partial<PlannedTask>[], more: Partial<Workload> = {}): Workload => ({
  tasks: tasks.map((task, i) => ({ ...plain, name: `t${i}`, key: `t${i}`, ...task })),
  executors: [{ label: "threads", maxThreads: 1, minThreads: 1, conduct: {} }],
  disturbances: [],
  ...more,
});

const allowed = (name: string, ...given: Parameters<typeof workload>): readonly Outcome[] => interpret(workload(...given)).get(name) ?? [];
const throws: Act = { do: "throw", ms: 1, message: "no" };
const returns: Act = { do: "return", ms: 1 };

describe("the reference interpreter allows", () => {
  test("one value, made of what was needed", () => {
    const one = scriptedResult("t0", []);
    expect(allowed("t1", [{}, { needs: ["t0", "t0"] }])).toEqual([{ state: "done", value: scriptedResult("t1", [one, one]) }]);
  });

  test("a failure after as many retries as there are, and none before", () => {
    expect(allowed("t0", [{ acts: [throws, returns], retries: 1 }])).toEqual([{ state: "done", value: scriptedResult("t0", []) }]);
    expect(allowed("t0", [{ acts: [throws, throws, returns], retries: 1 }])).toEqual([{ state: "failed", root: "ScriptedError:no" }]);
  });

  test("poison after as many losses as are allowed, whatever the budget for retries", () => {
    expect(allowed("t0", [{ acts: [{ do: "die", ms: 1 }], retries: 9, lost: 2 }])).toContainEqual({ state: "failed", root: "TaskPoisoned:t0" });
    expect(allowed("t0", [{ acts: [{ do: "die", ms: 1 }, returns], lost: 0 }]).map(({ state }) => state)).toEqual(["failed"]);
  });

  test("the root cause for all that depends on a failure, and nothing else", () => {
    expect(allowed("t2", [{ acts: [throws] }, { needs: ["t0"] }, { kind: "get", needs: ["t1"] }])).toEqual([{ state: "dependency-failed", root: "ScriptedError:no" }]);
  });

  test("both, where a walltime is close", () => {
    const states = allowed("t0", [{ acts: [{ do: "return", ms: 21 }], walltime: 20 }]).map(({ root }) => root);
    expect(states).toEqual([undefined, "AppTimeout:t0"]);
    expect(allowed("t0", [{ acts: [{ do: "hang" }], walltime: 20 }])).toEqual([{ state: "failed", root: "AppTimeout:t0" }]);
    expect(allowed("t0", [{ acts: [{ do: "return", ms: 1 }], walltime: 500 }]).map(({ state }) => state)).toEqual(["done"]);
  });

  test("a cancelled state only where somebody cancels, or a join around it", () => {
    const join: Partial<PlannedTask> = { kind: "join", inner: [{ ...plain, name: "inner", key: "inner" }] };
    const cancel = { at: 1, do: "cancel", task: "t0", twice: false } as const;
    expect(allowed("inner", [join]).map(({ state }) => state)).toEqual(["done"]);
    expect(allowed("inner", [join], { disturbances: [cancel] }).map(({ state }) => state)).toEqual(["done", "cancelled"]);
  });

  test("the values of what a join called, in its order", () => {
    const inner = [{ ...plain, name: "a", key: "a" }, { ...plain, name: "b", key: "b", needs: ["a"] }];
    expect(allowed("t0", [{ kind: "join", inner }])).toEqual([{ state: "done", value: [scriptedResult("a", []), scriptedResult("b", [scriptedResult("a", [])])] }]);
  });
});
