import { describe, expect, test } from "vitest";
import { BlockNeverRegistered, ScaleOutFailed, SubmitException } from "#internal/errors/index";
import { jobName } from "#internal/executors/blocks/job-name";
import type { Provider } from "#internal/providers/provider";
import { Farm } from "./farm.js";

const started = (given?: ConstructorParameters<typeof Farm>[0]): Farm => {
  const farm = new Farm(given);
  farm.blocks.start();
  return farm;
};

describe("a block", () => {
  test("is asked for, submitted, queued, started and ready, in that order, its intent in the ledger before its job", async () => {
    const farm = started({ boot: 300 });
    await farm.pass(500);
    expect(farm.records.filter(({ kind }) => kind === "block").map(({ to }) => to)).toEqual(["requested", "submitting", "queued", "starting", "ready"]);
    expect(farm.ledger).toEqual(["intend caraway.farm.run.block-1", "submitted caraway.farm.run.block-1 1"]);
    expect(farm.blocks.status()).toMatchObject({ present: 1, ready: 1, workers: 1, requested: 1 });
    expect(farm.blocks.tree().map(({ path, state }) => `${path} ${state}`)).toEqual(["scaler/farm settling", "block/farm/block-1 ready", "job/farm/block-1 active.running"]);
  });

  test("whose manager is quicker than the scheduler is ready all the same", async () => {
    const farm = started({ provider: { statusInterval: 60_000 }, conduct: { queue: [0, 0], answer: [50, 50] } });
    await farm.pass(60);
    expect(farm.states).toEqual(["ready"]);
  });

  test("is not submitted where its intent cannot be stored, and that counts as its death", async () => {
    const farm = started({ ports: { ledger: { intend: () => Promise.reject(new Error("the disk is full")), submitted: () => undefined, ended: () => undefined } } });
    await farm.pass(100);
    expect(farm.provider.submissions).toEqual([]);
    expect(farm.troubles[0]?.message).toContain("the disk is full");
    expect(farm.troubles[0]).toBeInstanceOf(SubmitException);
  });

  test("that was cancelled while its managers' command was made never has a job", async () => {
    let give: (() => void) | undefined;
    const farm = started({ ports: { command: () => new Promise((resolve) => (give = () => resolve({ command: ["x"], environment: {} }))) } });
    await farm.pass(10);
    const closed = farm.blocks.close();
    await farm.pass(10);
    give?.();
    await farm.pass(10);
    await closed;
    expect(farm.provider.submissions).toEqual([]);
    expect(farm.ledger.at(-1)).toBe("ended caraway.farm.run.block-1");
  });

  test("loses its job to a failed query never, whatever the number of failures", async () => {
    const farm = started();
    await farm.pass(200);
    farm.provider.conduct = { ...farm.provider.conduct, queryFails: 1 };
    await farm.pass(60_000);
    expect(farm.states).toEqual(["ready"]);
    expect(farm.blocks.status().queryError).toBeInstanceOf(Error);
    expect(farm.records.some(({ message, outcome }) => message.type === "query.failed" && outcome === "moved")).toBe(false);
  });

  test("that the listing leaves out is unknown, and back when the listing has it again", async () => {
    const farm = started({ boot: undefined, options: { registrationTimeout: 1_000_000 } });
    await farm.pass(200);
    farm.provider.conduct = { ...farm.provider.conduct, omit: 1 };
    await farm.pass(10_000);
    expect(farm.blocks.status().blocks[0]?.job?.state).toBe("unknown");
    expect(farm.states).toEqual(["starting"]);
    farm.provider.conduct = { ...farm.provider.conduct, omit: 0 };
    await farm.pass(5000);
    expect(farm.blocks.status().blocks[0]?.job?.state).toBe("active.running");
  });

  test("that neither the listing nor a look-up by its name has is lost", async () => {
    const farm = started({ boot: undefined, conduct: { remember: 0 } });
    await farm.pass(200);
    farm.provider.end(farm.job("block-1"), { state: "completed" });
    await farm.pass(5000);
    expect(farm.ended).toEqual([["block-1", "lost"]]);
  });

  test("whose managers are there is not lost, whatever the scheduler says", async () => {
    const farm = started({ conduct: { remember: 0 }, provider: { stopped: () => undefined } });
    await farm.pass(200);
    farm.provider.end(farm.job("block-1"), { state: "completed" });
    await farm.pass(60_000);
    expect(farm.states).toEqual(["ready"]);
    expect(farm.blocks.status().blocks[0]?.job?.state).toBe("unknown");
    farm.blocks.managerGone("block-1");
    await farm.pass(60_000);
    expect(farm.ended).toEqual([["block-1", "lost"]]);
  });

  test("that is put back into the queue is waited for without a time limit, and registers again", async () => {
    const farm = started({ conduct: { queue: [20_000, 20_000] } });
    await farm.pass(20_100);
    expect(farm.states).toEqual(["ready"]);
    farm.provider.requeue(farm.job("block-1"));
    await farm.pass(2000);
    expect(farm.states).toEqual(["queued"]);
    await farm.pass(20_000);
    expect(farm.states).toEqual(["ready"]);
    expect(farm.provider.submissions).toHaveLength(1);
  });

  test.each([
    ["timed-out", { state: "failed", reason: "timed-out" }],
    ["node-failed", { state: "failed", reason: "node-failed" }],
    ["preempted", { state: "cancelled", reason: "preempted" }],
    ["failed", { state: "failed", reason: "out-of-memory" }],
    ["completed", { state: "completed", exitCode: 0 }],
    ["cancelled", { state: "cancelled" }],
  ] as const)("says that it ended as %s", async (reason, report) => {
    const farm = started();
    await farm.pass(200);
    farm.provider.end(farm.job("block-1"), report);
    await farm.pass(2000);
    expect(farm.ended).toEqual([["block-1", reason]]);
    expect(farm.ledger.at(-1)).toBe("ended caraway.farm.run.block-1");
  });

  test("that was released is not counted as failed, whatever its job says then", async () => {
    const farm = started({ options: { minBlocks: 0, maxIdleTime: 1000 }, boot: undefined, conduct: { queue: [60_000, 60_000] } });
    await farm.pass(5000);
    expect(farm.ended).toEqual([["block-1", "scaled-in"]]);
    expect([farm.troubles, farm.blocks.status().deaths]).toEqual([[], 0]);
  });

  test("a manager of a block that is over, or that never was, is refused; one that comes late to a draining block gets no work", async () => {
    const farm = started({ options: { minBlocks: 0, maxIdleTime: 1000 } });
    await farm.pass(200);
    farm.run("block-1", 1);
    farm.load(0);
    await farm.pass(3000);
    expect(farm.states).toEqual(["draining"]);
    expect(farm.blocks.registered("block-1", { node: "late", workers: 4 })).toBe("draining");
    farm.run("block-1", 0);
    await farm.pass(3000);
    expect(farm.blocks.registered("block-1", { node: "late", workers: 4 })).toBe("refused");
    expect(farm.blocks.registered("block-9", { node: "late", workers: 4 })).toBe("refused");
  });
});

describe("a submission that is not answered", () => {
  test.each([0, 1])("but made is found by its name, and never made twice (hanging: %d)", async (hang) => {
    const farm = started({ conduct: { loseReply: 1, hang } });
    farm.load(5);
    await farm.pass(30_000);
    expect(farm.states).toEqual(["ready"]);
    expect(farm.provider.submissions).toEqual(["caraway.farm.run.block-1"]);
  });

  test("and not made counts as present until two look-ups find nothing", async () => {
    const farm = started({ conduct: { loseRequest: 1, queryFails: 1 } });
    farm.load(5);
    await farm.pass(30_000);
    expect(farm.states).toEqual(["submitting"]);
    expect(farm.provider.submissions).toHaveLength(1);
    farm.provider.conduct = { ...farm.provider.conduct, loseRequest: 0, queryFails: 0 };
    await farm.pass(5000);
    expect(farm.ended[0]).toEqual(["block-1", "failed"]);
    expect(farm.states).toEqual(["ready"]);
    expect(farm.provider.submissions).toHaveLength(2);
  });

  test("stays in the ledger until it was looked for once more in the end", async () => {
    const farm = started({ conduct: { loseRequest: 1 }, options: { errorBudget: 1 } });
    await farm.pass(5000);
    expect([farm.states, farm.ledger]).toEqual([[], ["intend caraway.farm.run.block-1"]]);
    const closed = farm.blocks.close();
    await farm.pass(1000);
    await closed;
    expect(farm.ledger.at(-1)).toBe("ended caraway.farm.run.block-1");
  });

  test("and is made after all, against what the look-ups said, is cancelled", async () => {
    const cancelled: string[] = [];
    let answer: ((id: string) => void) | undefined;
    const provider: Provider = {
      kind: "late", statusInterval: 1000,
      submit: () => new Promise((resolve) => (answer = resolve)),
      status: () => Promise.resolve(new Map()),
      find: () => Promise.resolve(undefined),
      cancel: (ids) => Promise.resolve(void cancelled.push(...ids)),
      output: () => Promise.resolve({ stdout: "", stderr: "" }),
      close: () => Promise.resolve(),
    };
    const farm = started({ ports: { provider } });
    await farm.pass(30_000);
    expect([farm.ended, cancelled]).toEqual([[["block-1", "failed"]], []]);
    answer?.("77");
    await farm.pass(10);
    expect(cancelled).toEqual(["77"]);
  });

  test("is cancelled by a close as soon as it has an id", async () => {
    const farm = started({ conduct: { answer: [5000, 5000] } });
    await farm.pass(100);
    const closed = farm.blocks.close(100_000);
    await farm.pass(60_000);
    await closed;
    expect(farm.provider.alive).toEqual([]);
    expect(farm.provider.submissions).toHaveLength(1);
  });
});

describe("blocks that die before a manager registers", () => {
  const dying = { conduct: { dieAtOnce: 1 }, options: { strategyPeriod: 100 } } as const;

  test("make the executor fail after three in a row, with what each of them left", async () => {
    const farm = started(dying);
    farm.load(1);
    await farm.pass(20_000);
    expect(farm.provider.submissions).toHaveLength(3);
    const [failure] = farm.failures;
    expect(farm.failures).toHaveLength(1);
    expect(failure).toBeInstanceOf(ScaleOutFailed);
    expect(failure?.message).toContain('3 blocks in a row ended before a manager registered');
    expect(failure?.message).toContain('block-3: its job ended (failed: exit code 127, "NonZeroExitCode") before a manager registered; it wrote "bash: line 1: node: command not found"');
    expect(failure?.evidence["blocks"]).toMatchObject([1, 2, 3].map((n) => ({ block: `block-${n}`, exitCode: 127, stderr: "bash: line 1: node: command not found\n", schedulerMessage: "NonZeroExitCode" })));
    expect(failure?.hint).toContain("Node.js is not on the PATH");
    await farm.pass(60_000);
    expect(farm.provider.submissions).toHaveLength(3);
  });

  test("are told of one by one", async () => {
    const farm = started(dying);
    await farm.pass(2000);
    expect(farm.troubles[0]).toBeInstanceOf(BlockNeverRegistered);
    expect(farm.troubles[0]?.where).toEqual({ executor: "farm", block: "block-1", job: "1" });
  });

  test("are forgotten once a manager registers", async () => {
    const farm = started({ ...dying, options: { ...dying.options, maxBlocks: 2, errorBudget: 10 } });
    farm.load(9);
    await farm.pass(400);
    const { deaths } = farm.blocks.status();
    farm.provider.conduct = { ...farm.provider.conduct, dieAtOnce: 0 };
    await farm.pass(2000);
    expect([deaths > 0, farm.blocks.status().deaths, farm.failures]).toEqual([true, 0, []]);
  });

  test("do not fail an executor some of whose blocks work; new ones are asked for ever more rarely", async () => {
    const farm = started({ options: { maxBlocks: 2, strategyPeriod: 100 } });
    await farm.pass(300);
    farm.provider.conduct = { ...farm.provider.conduct, dieAtOnce: 1 };
    farm.load(9);
    await farm.pass(60_000);
    expect(farm.failures).toEqual([]);
    expect(farm.provider.submissions.length).toBeLessThan(14);
    farm.provider.end(farm.job("block-1"), { state: "failed", reason: "node-failed" });
    await farm.pass(2000);
    expect(farm.failures).toHaveLength(1);
  });

  test("never fail an executor without an error budget", async () => {
    const farm = started({ ...dying, options: { ...dying.options, errorBudget: 0 } });
    farm.load(1);
    await farm.pass(60_000);
    expect(farm.failures).toEqual([]);
    expect(farm.provider.submissions.length).toBeGreaterThan(5);
  });

  test("and are all there will be fail the executor at once", async () => {
    const farm = started({ ...dying, options: { strategy: "none", initBlocks: 2, maxBlocks: 2 } });
    await farm.pass(20_000);
    expect([farm.failures.length, farm.provider.submissions.length]).toEqual([1, 2]);
  });

  test("carry what the scheduler said when it refuses them", async () => {
    const farm = started({ conduct: { refuse: 1 }, options: { strategyPeriod: 100 } });
    farm.load(1);
    await farm.pass(20_000);
    expect(farm.failures[0]?.message).toContain("block-2: the scheduler refused the job: no such partition");
  });
});

describe("a block that runs and does not register", () => {
  const silent = { boot: undefined, options: { registrationTimeout: 2000 } } as const;

  test("is reported with its output, the addresses it was given and the likely causes in order, and its job is cancelled", async () => {
    const farm = started({ ...silent, conduct: { queue: [3000, 3000] } });
    await farm.pass(5000);
    expect(farm.troubles).toEqual([]);
    farm.job("block-1").output = { stdout: "", stderr: "starting\ncaraway-manager: CW-LINK-001 no answer from 10.0.0.1:5000 for 5 s\n" };
    await farm.pass(1000);
    const [error] = farm.troubles;
    expect(error).toBeInstanceOf(BlockNeverRegistered);
    expect(error?.message).toBe('no manager of block-1 of "farm" registered: its job runs, and no manager registered within 2000 ms');
    expect(error?.evidence).toMatchObject({ addresses: ["10.0.0.1:5000"], waitedMs: 2000, causes: ["the head could not be reached from the node, or refused the link (10.0.0.1:5000): CW-LINK-001 no answer from 10.0.0.1:5000 for 5 s"] });
    await farm.pass(1000);
    expect(farm.ended).toEqual([["block-1", "never-registered"]]);
    expect(farm.provider.alive).toEqual([]);
  });

  test("is dead by its own account only once, also where its cancel takes long", async () => {
    const farm = started({ ...silent, conduct: { kill: [30_000, 30_000] } });
    await farm.pass(10_000);
    expect([farm.blocks.status().deaths, farm.states]).toEqual([1, ["ending"]]);
    await farm.pass(40_000);
    expect(farm.blocks.status().deaths).toBe(1);
  });

  test("but has registered before is lost, and that is no failed start", async () => {
    const farm = started({ options: { registrationTimeout: 2000 } });
    await farm.pass(200);
    farm.blocks.managerGone("block-1", "node-1");
    await farm.pass(4000);
    expect(farm.ended).toEqual([["block-1", "lost"]]);
    expect(farm.troubles).toEqual([]);
  });
});

describe("a close", () => {
  test("cancels every job, queued, starting and ready, and resolves when all have ended", async () => {
    const farm = started({ options: { initBlocks: 6, maxBlocks: 6 }, conduct: { queue: [10, 10_000] } });
    await farm.pass(4000);
    const closed = farm.blocks.close(60_000);
    await farm.pass(10_000);
    await closed;
    expect([farm.provider.alive, farm.blocks.status().present]).toEqual([[], 0]);
    expect(farm.sim.pending).toBeLessThan(10);
  });

  test("that takes too long rejects and names what is left", async () => {
    const farm = started({ conduct: { cancelFails: 1 } });
    await farm.pass(200);
    const closed = farm.blocks.close(3000);
    const outcome = expect(closed).rejects.toThrow('the end of block-1 (ending, job 1) of "farm" took longer than 3000 ms');
    await farm.pass(5000);
    await outcome;
    expect(farm.ledger.some((line) => line.startsWith("ended"))).toBe(false);
  });

  test("tries a cancel that was not taken again", async () => {
    const farm = started({ conduct: { cancelFails: 1 } });
    await farm.pass(200);
    const closed = farm.blocks.close(60_000);
    await farm.pass(5000);
    farm.provider.conduct = { ...farm.provider.conduct, cancelFails: 0 };
    await farm.pass(5000);
    await closed;
    expect(farm.provider.alive).toEqual([]);
  });
});

test("names of jobs are in the alphabet of schedulers, and those of different labels differ", () => {
  const names = ["a b", "a_b", "a_20_b", "a.b", "äöü"].map((label) => jobName(label, "run-1", 1, "block-1"));
  expect(new Set(names).size).toBe(5);
  for (const name of names) expect(name).toMatch(/^[A-Za-z0-9._-]+$/);
  expect(jobName("htex", "7f3a", 1, "block-3")).toBe("caraway.htex.7f3a.block-3");
  expect(jobName("htex", "7f3a", 2, "block-3")).toBe("caraway.htex.7f3a.2.block-3");
});
