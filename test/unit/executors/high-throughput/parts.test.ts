import { describe, expect, test } from "vitest";
import { seededRandom } from "#internal/actors/seeded-random";
import { Bag } from "#internal/executors/high-throughput/interchange/bag";
import type { Dispatch, ManagerNode } from "#internal/executors/high-throughput/interchange/node";
import { Choice, couldRun, select, type ManagerSelector } from "#internal/executors/high-throughput/interchange/selectors";
import { lossOf } from "#internal/executors/high-throughput/losses";
import { Told } from "#internal/executors/high-throughput/manager/told";
import { nodeFacts, workerCount } from "#internal/executors/high-throughput/manager/workers";
import { outcome, writeNote, type LossNote } from "#internal/executors/high-throughput/records";
import type { Work } from "#internal/executors/executor";

describe("what a manager tells is kept until the head has it", () => {
  const say = (told: Told, ...tasks: number[]): void => {
    for (const task of tasks) {
      writeNote(told.writer, task, 1, outcome.started);
      told.count();
    }
  };

  test("what was told is numbered without gaps", () => {
    const told = new Told();
    expect(told.take()).toBeUndefined();
    say(told, 1, 2);
    expect(told.take()).toMatchObject({ first: 1, count: 2 });
    say(told, 3);
    expect(told.take()).toMatchObject({ first: 3, count: 1 });
    expect(told.take()).toBeUndefined();
    expect(told.last).toBe(3);
  });

  test("what is acknowledged in part is kept whole, and what is acknowledged is gone", () => {
    const told = new Told();
    say(told, 1, 2);
    told.take();
    say(told, 3);
    told.take();
    told.acknowledge(0);
    told.acknowledge(1);
    expect(told.again().map(({ first }) => first)).toEqual([1, 3]);
    expect(told.tokens()).toEqual([[1, 1], [2, 1], [3, 1]]);
    told.acknowledge(2);
    expect(told.again().map(({ first }) => first)).toEqual([3]);
    told.acknowledge(9);
    expect(told.again()).toEqual([]);
    expect(told.kept).toBe(0);
  });

  test("over a new link it is told again as it was, and what is new after it", () => {
    const told = new Told();
    say(told, 1);
    const first = told.take();
    say(told, 2);
    expect(told.tokens()).toEqual([[1, 1]]);
    told.take();
    expect(told.again()[0]).toEqual(first);
    expect(told.again().map((sent) => sent.first)).toEqual([1, 2]);
    expect(told.kept).toBe(56);
  });
});

describe("a node has as many workers", () => {
  const setup = { maxWorkers: null, coresPerWorker: 1, memPerWorker: null, accelerators: [] };
  test.each([
    ["as cores", {}, 4],
    ["as its cap", { maxWorkers: 3 }, 3],
    ["as cores for each", { coresPerWorker: 2 }, 2],
    ["as parts of cores, without losing one to rounding", { coresPerWorker: 0.1 }, 40],
    ["as memory for each", { memPerWorker: 400 }, 2],
    ["as accelerators", { accelerators: ["0", "1", "2"] }, 3],
    ["as the least of them all", { maxWorkers: 3, memPerWorker: 400, accelerators: ["0"] }, 1],
    ["at least one", { memPerWorker: 4000 }, 1],
  ])("%s", (_, more, count) => {
    expect(workerCount({ ...setup, ...more }, { cores: 4, memory: 1000 })).toBe(count);
  });

  test("of what its environment says, where that says something", () => {
    const real = { cores: 4, memory: 8e9 };
    expect(nodeFacts({}, real)).toEqual(real);
    expect(nodeFacts({ CARAWAY_CORES: "2", CARAWAY_MEMORY_GB: "1.5" }, real)).toEqual({ cores: 2, memory: 1.5e9 });
    expect(nodeFacts({ CARAWAY_CORES: "no", CARAWAY_MEMORY_GB: "-1" }, real)).toEqual(real);
  });
});

describe("what a loss costs", () => {
  const work = { taskId: 7, app: { name: "square" } } as Work;
  const note: LossNote = { manager: "m", host: "h", block: "b", loss: "silent", silentMs: 12, suspect: false };

  test.each([
    ["nothing where it cannot have run", note, 1, "none"],
    ["a loss where it may have run", { ...note, suspect: true }, 1, "lost"],
    ["a loss in the end, whoever caused it", note, 11, "lost"],
    ["nothing where nobody had it", { ...note, loss: "not-back" }, 1, "none"],
  ])("%s", (_, given, attempt, charge) => {
    expect(lossOf(work, attempt, "far", given)).toMatchObject({ charge, held: false, error: { where: { task: 7, attempt, executor: "far" } } });
  });

  test("its words say what became of the manager, and where", () => {
    for (const [loss, words] of [["silent", "was silent for 12 ms"], ["disconnected", "did not come back"], ["replaced", "was replaced by another"], ["left", "left"]] as const) {
      const { error } = lossOf(work, 1, "far", { ...note, loss });
      expect(error.message).toContain(words);
      expect(error.message).toContain("square (task 7, attempt 1) on h (b)");
      expect((error as unknown as { hint: string }).hint.length).toBeGreaterThan(10);
    }
  });
});

describe("which manager gets a task", () => {
  const node = (block: string, rank: number, out: number, fits = true): ManagerNode => ({ facts: { block, rank, workers: 4 }, out: { size: out }, mayTake: () => fits, takesWork: true, couldHold: () => fits }) as unknown as ManagerNode;
  const chosen = (selector: ManagerSelector, free: readonly ManagerNode[], roomy: readonly ManagerNode[] = []): string | undefined => {
    const bags = [new Bag<ManagerNode>(), new Bag<ManagerNode>()] as const;
    for (const one of free) bags[0].add(one);
    for (const one of [...free, ...roomy]) bags[1].add(one);
    const choice = new Choice(bags[0], bags[1], seededRandom(1));
    choice.one = {} as Dispatch;
    const found = select(selector, choice);
    return found === undefined ? undefined : `${found.facts.block}/${found.facts.rank}`;
  };

  test("the least loaded, by its workers", () => {
    expect(chosen("least-loaded", [node("a", 0, 3), node("b", 0, 1), node("c", 0, 2)])).toBe("b/0");
  });

  test("the first block that has room, so that others become idle", () => {
    expect(chosen("pack-by-block", [node("c", 0, 0), node("b", 1, 3), node("b", 0, 3)])).toBe("b/0");
  });

  test("one at random, and each of them", () => {
    const all = ["a", "b", "c"].map((block) => node(block, 0, 0));
    const bag = new Bag<ManagerNode>();
    for (const one of all) bag.add(one);
    const choice = new Choice(bag, bag, seededRandom(7));
    choice.one = {} as Dispatch;
    expect(new Set(Array.from({ length: 60 }, () => select("random", choice)?.facts.block))).toEqual(new Set(["a", "b", "c"]));
  });

  test.each(["random", "least-loaded", "pack-by-block"] as const)("%s: one with a free worker before one where it would wait, none that it does not fit, and none where there is none", (selector) => {
    expect(chosen(selector, [node("z", 0, 3)], [node("a", 0, 4)])).toBe("z/0");
    expect(chosen(selector, [node("a", 0, 0, false), node("z", 0, 3)])).toBe("z/0");
    expect(chosen(selector, [node("a", 0, 0, false)], [node("z", 0, 4)])).toBe("z/0");
    expect(chosen(selector, [node("a", 0, 0, false)])).toBeUndefined();
    expect(chosen(selector, [])).toBeUndefined();
  });

  test("what no manager could ever run is known", () => {
    expect(couldRun([node("a", 0, 0, false)], {} as Dispatch, 0)).toBe(false);
    expect(couldRun([node("a", 0, 0, false), node("b", 0, 9)], {} as Dispatch, 0)).toBe(true);
  });
});
