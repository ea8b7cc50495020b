import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { type Config, type DataFlowKernel, load } from "#internal/index";
import { testExecutor } from "./test-executor.js";

/** A directory of the test file's own, and the default kernel for all of its tests. */
export function sharedKernel(config: Config = {}): { readonly kernel: DataFlowKernel; readonly directory: string; path(name: string): string } {
  let kernel: DataFlowKernel;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "caraway-dataflow-"));
    kernel = await load({ executors: [testExecutor({ maxThreads: 2 })], runDir: join(directory, "runinfo"), ...config });
  });
  afterAll(async () => {
    const stuck = setTimeout(() => console.error("the kernel does not close", JSON.stringify({ health: kernel.health(), tree: kernel.tree() }, null, 1)), 20_000);
    await kernel.close({ mode: "cancel" });
    clearTimeout(stuck);
    await rm(directory, { recursive: true, force: true });
  });
  return {
    get kernel() {
      return kernel;
    },
    get directory() {
      return directory;
    },
    path: (name) => join(directory, name),
  };
}

/** What a promise rejects with; fails where it does not. */
export async function rejection(promise: PromiseLike<unknown>): Promise<Error & Record<string, unknown>> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error(`it resolved to ${String(value)}`);
}

/** What a function throws; fails where it does not. */
export function thrown(run: () => unknown): Error & Record<string, unknown> {
  try {
    run();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("nothing was thrown");
}
