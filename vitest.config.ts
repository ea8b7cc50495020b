import { defineConfig } from "vitest/config";

/** Tests run against what ships: `dist`, built first, loaded by Node itself so that worker threads find their real files. */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A shared runner can be slow beyond every deadline of a test that watches real processes.
    retry: process.env["CI"] === "true" ? 2 : 0,
    reporters: ["default", "./test/reporter.ts"],
    server: { deps: { external: [/\/dist\//] } },
  },
});
