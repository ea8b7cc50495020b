import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";

/** What apps, futures and files promise, whatever runs them: tested on each executor. */
const acceptance = ["apps", "bash", "caching", "cancel", "dependencies", "files", "futures", "joins", "pending", "priorities", "retries", "scope", "task-context"].map((name) => `test/unit/dataflow/${name}.test.ts`);

const shared: TestProjectInlineConfiguration["test"] = {
  pool: "forks",
  testTimeout: 30_000,
  hookTimeout: 30_000,
  // A shared runner can be slow beyond every deadline of a test that watches real processes.
  retry: process.env["CI"] === "true" ? 2 : 0,
  // Kernels of tests are recorded, to be verified, where it is asked for: scripts/test-recorded.js.
  setupFiles: process.env["CARAWAY_RECORD"] === undefined ? [] : ["./test/recorded-setup.ts"],
  server: { deps: { external: [/\/dist\//] } },
};

/** Tests run against what ships: `dist`, built first, loaded by Node itself so that worker threads find their real files. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ["default", "./test/reporter.ts"],
    projects: [
      { test: { ...shared, name: "all", include: ["test/**/*.test.ts"] } },
      { test: { ...shared, name: "on processes", include: acceptance, env: { CARAWAY_TEST_EXECUTOR: "process" } } },
      { test: { ...shared, name: "on managers", include: acceptance, env: { CARAWAY_TEST_EXECUTOR: "high-throughput" } } },
    ],
  },
});
