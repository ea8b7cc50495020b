import { availableParallelism, totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { checkConfig, describeProblem } from "#internal/config/check";
import { highThroughput, slurm, threadPool } from "#internal/config/descriptors";

const lines = async (config: unknown): Promise<string[]> => (await checkConfig(config)).map(describeProblem);

describe("checkConfig", () => {
  it("finds nothing wrong with every option at a good value", async () => {
    const config = {
      executors: [threadPool({ label: "a", maxThreads: 2, minThreads: 0, isolation: "process", resourceLimits: { maxOldGenerationSizeMb: 64 }, env: { A: "b" }, killGrace: 500 }), threadPool({ label: "b" })],
      retries: { app: 2.5, lost: 0, backoff: { min: "1s", max: "1m", factor: 3, jitter: 0.5 }, cost: () => 1 },
      cache: false, runDir: "runs", strategy: "none", strategyPeriod: 100, maxIdleTime: "1m", exitMode: "cancel", dependencyResolver: "shallow",
      maxPending: 10, retain: 0, progress: true, logger: console, projectName: "demo", profiles: { quick: { retries: 3 } },
    };
    expect(await lines(config)).toEqual([]);
  });

  it("accepts the three forms of a back-off and the number form of retries", async () => {
    expect(await lines({ retries: 2 })).toEqual([]);
    expect(await lines({ retries: { backoff: "5s" } })).toEqual([]);
    expect(await lines({ retries: { backoff: (attempt: number) => attempt * 10 } })).toEqual([]);
  });

  it("reports all problems at once, in plain words", async () => {
    expect(await lines({ executors: [threadPool({ maxThreads: 0 })], cache: "yes", runDir: "", maxPending: 1.5, retries: -1 })).toEqual([
      "executors[0].maxThreads must be a whole number from 1 up, but is 0",
      "retries must be a whole number from 0 up, or { app, lost, backoff, cost }, but is -1",
      'cache must be true or false, but is the text "yes"',
      'runDir must be a text that is not empty, but is the text ""',
      "maxPending must be a whole number from 1 up, but is 1.5",
    ]);
  });

  it.each([
    [{ retrys: 1 }, "retrys is not an option of a configuration; did you mean retries?"],
    [{ max_idletime: "1s" }, "max_idletime is not an option of a configuration; did you mean maxIdleTime?"],
    [{ app_cache: true }, "app_cache is not an option of a configuration; did you mean cache?"],
    [{ executors: [{ kind: "thread-pool", maxTreads: 2 }] }, "executors[0].maxTreads is not an option of threadPool; did you mean maxThreads?"],
    [{ retries: { ap: 1 } }, "retries.ap is not an option of retries; did you mean app?"],
    [{ zebra: 1 }, "zebra is not an option of a configuration"],
    [{ profiles: { "on-site": { retires: 1 } } }, 'profiles["on-site"].retires is not an option of a configuration; did you mean retries?'],
  ])("suggests what an unknown key of %j probably means", async (config, line) => {
    expect(await lines(config)).toEqual([line]);
  });

  it.each([
    [{ exitMode: "wiat" }, 'exitMode must be "wait" or "cancel", but is the text "wiat"; did you mean "wait"?'],
    [{ strategy: "autoscale" }, 'strategy must be "none" or "simple" or "auto-scale", but is the text "autoscale"; did you mean "auto-scale"?'],
    [{ executors: [{ kind: "threadpool" }] }, 'executors[0] has a kind that does not exist: the text "threadpool"; did you mean "thread-pool"?'],
  ])("suggests the word that was probably meant in %j", async (config, line) => {
    expect(await lines(config)).toEqual([line]);
  });

  it.each([
    [null, "the configuration must be an object, but is null"],
    [[], "the configuration must be an object, but is an empty array"],
    [{ executors: [] }, "executors is empty: leave it out for a thread pool over this machine's cores, or give an executor"],
    [{ executors: threadPool() }, "executors must be an array of executors, but is an object"],
    [{ executors: ["threads"] }, 'executors[0] must be an executor such as threadPool(), but is the text "threads"'],
    [{ executors: [threadPool] }, "executors[0] is the function threadPool itself: call it, as in threadPool()"],
    [{ executors: [slurm()] }, "executors[0] must be an executor, but slurm() makes a provider, which belongs to an executor"],
    [{ executors: [threadPool(), threadPool()] }, 'executors[1].label is "threads", the label of executors[0] already; give each executor its own label'],
    [{ executors: [threadPool({ minThreads: 3, maxThreads: 2 })] }, "executors[0].minThreads is 3, more than maxThreads, which is 2"],
    [{ executors: [{ kind: "thread-pool", env: { A: 1 } }] }, "executors[0].env.A must be a text, but is 1"],
    [{ retries: { backoff: { min: "1s" } } }, 'retries.backoff.max must be a duration, a number of milliseconds or text such as "30s" or "1h30m", but is missing'],
    [{ retries: { backoff: { min: "2s", max: "1s" } } }, "retries.backoff.min is 2s, longer than max, which is 1s"],
    [{ retries: { app: 0.5 } }, "retries.app is 0.5; a part of a retry needs a cost function"],
    [{ strategyPeriod: "5" }, 'strategyPeriod is not a duration: "5" (it has no unit: write "5s", "5m" or "5ms")'],
    [{ logger: {} }, "logger must be a pino logger, but is an object"],
    [{ dependencyResolver: { gather() {} } }, "dependencyResolver must be an object with the functions gather and unwrap, but is an object"],
    [{ profiles: { "1st": {} } }, 'profiles["1st"] must be named by letters, digits, - and _'],
    [{ profiles: { a: { executors: [] } } }, "profiles.a.executors is empty: leave it out for a thread pool over this machine's cores, or give an executor"],
    [{ profiles: { a: { profiles: {} } } }, "profiles.a.profiles is not an option of a configuration"],
  ])("refuses %j", async (config, line) => {
    expect(await lines(config)).toEqual([line]);
  });

  it.each([
    [{ journal: { mode: "none" } }, "journal is not built yet"],
    [{ inspector: true }, "inspector is not built yet"],
    [{ exitMode: "detach" }, 'exitMode is "detach", which is not built yet'],
    [{ strategy: {} }, "strategy is an object of your own, which is not built yet"],
    [{ executors: [{ kind: "thread-pool", idleTimeout: "1s" }] }, "executors[0].idleTimeout is not built yet"],
    [{ executors: [highThroughput({ label: "cluster" })] }, "executors[0] uses highThroughput(), which is not built yet"],
    [{ executors: [{ kind: "thread-pool", cpuAffinity: "block" }] }, "executors[0].cpuAffinity is not built yet"],
  ])("says that %j is not built yet", async (config, line) => {
    const problems = await checkConfig(config);
    expect(problems.map(describeProblem)).toEqual([line]);
    expect(problems.map((problem) => problem.code)).toEqual(["CW-CONF-002"]);
  });

  it("takes a key that is undefined for one that is absent", async () => {
    expect(await lines({ journal: undefined, retries: undefined, executors: undefined })).toEqual([]);
  });

  it("only warns of what is unwise", async () => {
    const tooMany = Math.max(64, 16 * availableParallelism()) + 1;
    const tooMuch = Math.ceil(totalmem() / 2 ** 20) + 1;
    const problems = await checkConfig({ executors: [threadPool({ maxThreads: tooMany, resourceLimits: { maxOldGenerationSizeMb: tooMuch } })], retries: { cost: () => 1 } });
    expect(problems.map(({ path, severity }) => [path, severity])).toEqual([
      ["executors[0].maxThreads", "warning"],
      ["executors[0].resourceLimits.maxOldGenerationSizeMb", "warning"],
      ["retries.cost", "warning"],
    ]);
  });
});
