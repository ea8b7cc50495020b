import { execFileSync } from "node:child_process";
import { afterEach, describe, expect, expectTypeOf, it } from "vitest";
import { highThroughput, local, mpi, threadPool } from "#internal/config/descriptors";
import { defineConfig, resolveConfig, resolveRetries } from "#internal/config/resolve";
import type { Config } from "#internal/config/types";
import { ConfigurationError, NotYetSupported } from "#internal/errors/index";

const failure = async (config: unknown): Promise<unknown> => resolveConfig(config).then(() => undefined, (error: unknown) => error);

afterEach(() => {
  delete process.env["CARAWAY_PROGRESS"];
});

describe("resolveConfig", () => {
  it("fills in every default", async () => {
    expect(await resolveConfig()).toEqual({
      executors: [{ kind: "thread-pool", label: "threads" }],
      retries: { app: 0, lost: 3 },
      cache: true, runDir: "runinfo", strategy: "simple", strategyPeriod: 5000, maxIdleTime: 120_000,
      exitMode: "wait", dependencyResolver: "deep", maxPending: Infinity, retain: 10_000, progress: false,
    });
  });

  it("gives an empty configuration what no configuration gives", async () => {
    expect(await resolveConfig({})).toEqual(await resolveConfig());
  });

  it("turns durations into milliseconds and short forms into long ones", async () => {
    const resolved = await resolveConfig({ retries: { app: 2, backoff: { min: "1s", max: "1m" } }, strategyPeriod: "250ms", maxIdleTime: 5 });
    expect(resolved).toMatchObject({ retries: { app: 2, lost: 3, backoff: { min: 1000, max: 60_000, factor: 2, jitter: 0 } }, strategyPeriod: 250, maxIdleTime: 5 });
    expect((await resolveConfig({ retries: 4 })).retries).toEqual({ app: 4, lost: 3 });
    expect(resolveRetries({ backoff: "2s" }).backoff).toEqual({ min: 2000, max: 2000, factor: 1, jitter: 0 });
  });

  it("leaves the object it was given unchanged", async () => {
    const config = Object.freeze({ executors: Object.freeze([Object.freeze({ kind: "thread-pool" })]), retries: Object.freeze({ app: 1 }) });
    const before = structuredClone(config);
    await resolveConfig(config);
    expect(config).toEqual(before);
  });

  it("names a thread pool that has no label", async () => {
    expect((await resolveConfig({ executors: [{ kind: "thread-pool", maxThreads: 1 }] })).executors).toEqual([{ kind: "thread-pool", label: "threads", maxThreads: 1 }]);
  });

  it("keeps each executor's kind, and gives a high-throughput executor that has none a provider", async () => {
    const { executors } = await resolveConfig({ executors: [threadPool(), highThroughput({ label: "cluster", provider: local({ maxBlocks: 3 }) }), { kind: "high-throughput" }] });
    expect(executors).toEqual([threadPool(), highThroughput({ label: "cluster", provider: local({ maxBlocks: 3 }) }), highThroughput()]);
  });

  it("lists every problem in one error", async () => {
    const error = await failure({ retrys: 1, cache: 3, journal: {} });
    expect(error).toBeInstanceOf(ConfigurationError);
    expect((error as ConfigurationError).message).toBe("the configuration is not valid: 3 problems:\n  - cache must be true or false, but is 3\n  - journal is not built yet\n  - retrys is not an option of a configuration; did you mean retries?");
    expect((error as ConfigurationError).evidence["problems"]).toHaveLength(3);
  });

  it("says not yet where nothing else is wrong", async () => {
    const error = await failure({ executors: [mpi()] });
    expect(error).toBeInstanceOf(NotYetSupported);
    expect((error as NotYetSupported).code).toBe("CW-CONF-002");
    expect((error as NotYetSupported).message).toContain("mpi()");
  });

  it("starts in spite of a warning", async () => {
    await expect(resolveConfig({ executors: [threadPool({ maxThreads: 100_000 })] })).resolves.toBeDefined();
  });

  it("lets the command ask for progress, and refuse it", async () => {
    process.env["CARAWAY_PROGRESS"] = "1";
    expect((await resolveConfig({})).progress).toBe(true);
    expect((await resolveConfig({ progress: false })).progress).toBe(false);
    process.env["CARAWAY_PROGRESS"] = "0";
    expect((await resolveConfig({ progress: true })).progress).toBe(false);
  });

  it("loads the schema library only where there is something to check", () => {
    const hooks = "export function resolve(name, context, next) { if (name === 'zod') throw new Error('loads zod'); return next(name, context); }";
    const script = `import { register } from "node:module";
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
      const { resolveConfig } = await import(${JSON.stringify(new URL("../../../dist/config/resolve.js", import.meta.url).href)});
      console.log((await resolveConfig()).cache, await resolveConfig({ retries: 1 }).then(() => "no zod"), await resolveConfig({ runDir: "runs" }).then(() => "no zod", (error) => error.message));`;
    expect(execFileSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8" })).toBe("true no zod loads zod\n");
  });
});

describe("defineConfig", () => {
  it("types what it is given and returns it as it is", () => {
    const config = { executors: [threadPool({ maxThreads: 2 })], retries: { app: 1, cost: (_error: unknown, task: { attempt: number }) => task.attempt } };
    expect(defineConfig(config)).toBe(config);
    expectTypeOf<{ retrys: number }>().not.toExtend<Parameters<typeof defineConfig>[0]>();
    expectTypeOf<Config["exitMode"]>().toEqualTypeOf<"wait" | "cancel" | undefined>();
  });
});
