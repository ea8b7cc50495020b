import { expectTypeOf } from "vitest";
import { app, type AppFuture, asCompleted, type DataFile, DataFlowKernel, type DataFuture, file, joinApp, type StateCounts, type TaskState, threadPool, withKernel } from "#internal/index";

declare const pair: AppFuture<{ name: string; list: readonly [number, { deep: boolean }]; maybe?: number }>;

export async function futuresAreAwaited(): Promise<void> {
  expectTypeOf(await pair).toEqualTypeOf<{ name: string; list: readonly [number, { deep: boolean }]; maybe?: number }>();
  expectTypeOf(pair.then((value) => value.name)).toEqualTypeOf<Promise<string>>();
  expectTypeOf(pair.catch(() => 1)).toExtend<Promise<unknown>>();
  expectTypeOf(await pair.finally(() => undefined)).toHaveProperty("name");
  expectTypeOf(await pair.settled).toEqualTypeOf<TaskState>();
  expectTypeOf(await pair.cancel("why")).toEqualTypeOf<TaskState>();
  expectTypeOf(pair.state).toEqualTypeOf<TaskState>();
  expectTypeOf(pair.id).toBeNumber();
}

export function getKnowsTheKeys(): void {
  expectTypeOf(pair.get("name")).toEqualTypeOf<AppFuture<string>>();
  expectTypeOf(pair.get("list").get(0)).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(pair.get("list").get(1).get("deep")).toEqualTypeOf<AppFuture<boolean>>();
  expectTypeOf(pair.get("maybe")).toEqualTypeOf<AppFuture<number | undefined>>();
  // @ts-expect-error there is no such property
  pair.get("nmae");
}

export async function filesHaveFutures(): Promise<void> {
  const make = app(({ outputs }) => outputs.out.path, { outputs: { out: file("x") } });
  const { out } = make().outputs;
  expectTypeOf(out).toEqualTypeOf<DataFuture>();
  expectTypeOf(await out).toEqualTypeOf<DataFile>();
  expectTypeOf(out.path).toBeString();
  expectTypeOf(out.stem).toBeString();
}

export async function mapGivesFuturesAndValues(): Promise<void> {
  const square = app((x: number) => x * x);
  expectTypeOf(await square.map([1, square(2)])).toEqualTypeOf<number[]>();
  for await (const value of square.map(new Set([1]), { window: 2 })) expectTypeOf(value).toEqualTypeOf<number>();
  expectTypeOf(Array.from(square.map([1]))).toEqualTypeOf<AppFuture<number>[]>();
  expectTypeOf(await Promise.all(square.map([1]))).toEqualTypeOf<number[]>();
  // @ts-expect-error texts are no numbers
  square.map(["a"]);
}

export async function completionsAreFutures(): Promise<void> {
  const square = app((x: number) => x * x);
  const futures = [square(1), square(2)];
  const completions = asCompleted(futures);
  for await (const future of completions) {
    expectTypeOf(future.value).toEqualTypeOf<number>();
    expectTypeOf(future.id).toEqualTypeOf<number>();
    expectTypeOf(future.state).toEqualTypeOf<TaskState>();
  }
  completions.add(square(3));
  for await (const one of asCompleted([app((x: string) => x)("x"), square(1)])) expectTypeOf(one.value).toEqualTypeOf<string | number>();
}

export async function kernels(): Promise<void> {
  expectTypeOf(await withKernel({ executors: [threadPool()] }, async () => Promise.resolve(1))).toEqualTypeOf<number>();
  expectTypeOf(await withKernel((kernel) => kernel)).toEqualTypeOf<DataFlowKernel>();
  await using kernel = await new DataFlowKernel({ retries: { app: 1, cost: (_, task) => task.attempt } }).start();
  const square = app((x: number) => x * x);
  expectTypeOf(square.on(kernel)(2)).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(kernel.submit(square, [1])).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(kernel.submit(square, [square(1)], { retries: 1 })).toEqualTypeOf<AppFuture<number>>();
  // @ts-expect-error a text is no number
  kernel.submit(square, ["x"]);
  const scope = kernel.scope("s", { retries: 1 });
  expectTypeOf(scope.run(() => square(1))).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(square.on(scope)(1)).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(kernel.summary().counts).toEqualTypeOf<StateCounts>();
  expectTypeOf(kernel.task(1)).toEqualTypeOf<AppFuture<unknown, unknown> | undefined>();
  // @ts-expect-error there is no such setting
  new DataFlowKernel({ retires: 1 });
  // @ts-expect-error outputs are no default of a scope
  kernel.scope("s", { outputs: {} });
}

export async function joinsResolve(): Promise<void> {
  const square = app((x: number) => x * x);
  const both = joinApp((x: number) => ({ one: square(x), all: [square(x)] }));
  const { one, all } = await both(1);
  expectTypeOf(one).toBeNumber();
  expectTypeOf(all).toEqualTypeOf<number[]>();
}
