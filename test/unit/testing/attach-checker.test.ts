import { expect, test } from "vitest";
import { app, DataFlowKernel, joinApp, threadPool } from "#internal/index";
import { attachChecker } from "#internal/testing/index";

test("the checker watches a kernel on real threads, whose every invariant holds", async () => {
  const kernel = new DataFlowKernel({ executors: [threadPool({ maxThreads: 2 })], retries: 1 });
  const checker = attachChecker(kernel);
  await kernel.start();
  const square = app((x: number) => x * x).on(kernel);
  const sum = app((xs: number[]) => xs.reduce((a, b) => a + b, 0)).on(kernel);
  const broken = app((): number => { throw new RangeError("always"); }).on(kernel);
  const exits = app((): void => { process.exit(3); }).on(kernel);
  const both = joinApp((n: number) => [square(n), square(n + 1)]).on(kernel);
  const futures = [sum([1, 2, 3].map((x) => square(x))), both(4), square.with({ cache: true, priority: 1 })(7), broken(), square(broken() as never), exits()];
  futures[2]?.cancel().catch(() => undefined);
  for (const future of futures) {
    await future.then(
      (value) => checker.feed({ probe: "future.settled", task: future.id, succeeded: true, value, at: kernel.ports.clock.now() }),
      (error: unknown) => checker.feed({ probe: "future.settled", task: future.id, succeeded: false, value: error, at: kernel.ports.clock.now() }),
    );
  }
  await kernel.close();
  checker.assert("end");
  expect(checker.checker.story("task/1").length).toBeGreaterThan(2);
});
