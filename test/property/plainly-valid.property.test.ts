import fc from "fast-check";
import { expect, test } from "vitest";
import { checkConfig, highThroughput, local, threadPool } from "#internal/config/index";
import { plainlyValid } from "#internal/config/plainly-valid";

const odd = fc.oneof(fc.constant("x"), fc.constant(-1), fc.constant(1.5), fc.boolean(), fc.constant(null), fc.nat(100), fc.constant({}));
const executor = fc.oneof(
  fc.record({ maxThreads: fc.oneof(fc.integer({ min: 1, max: 64 }), odd), isolation: fc.constantFrom("thread", "process", "both") }, { requiredKeys: [] }).map((options) => threadPool(options as never)),
  fc.record({ maxWorkersPerNode: fc.oneof(fc.integer({ min: 1, max: 64 }), odd), label: fc.oneof(fc.constant("a"), odd), provider: fc.oneof(fc.record({ nodesPerBlock: odd }, { requiredKeys: [] }).map((options) => local(options as never)), odd) }, { requiredKeys: [] }).map((options) => highThroughput(options as never)),
  fc.record({ kind: fc.constantFrom("thread-pool", "high-throughput", "other"), label: fc.oneof(fc.constant("a"), odd), maxThread: odd }, { requiredKeys: [] }),
);
const config = fc.record({ executors: fc.array(executor, { maxLength: 2 }), retries: fc.oneof(fc.nat(5), odd), cache: odd, progress: odd, retain: odd, maxPending: odd, retires: odd }, { requiredKeys: [] });

test("a configuration that is taken without the schema is one the schema has no remark on", async () => {
  await fc.assert(
    fc.asyncProperty(config, async (given) => {
      if (plainlyValid(given)) expect(await checkConfig(given)).toEqual([]);
    }),
    { numRuns: 2000 },
  );
});
