import { expectTypeOf } from "vitest";
import { app, type App, type AppFuture, appsFrom, bashApp, type DataFile, DataFuture, file, joinApp, type NoOutputs, raw, sh, type TaskFiles } from "#internal/index";

export function functionApps(): void {
  const square = app((x: number) => x * x);
  expectTypeOf(square).toExtend<App<[x: number], number>>();
  expectTypeOf(square(1)).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(square(square(1))).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(square.with({ retries: 2, walltime: "1m", priority: 1 })(1)).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(square.name).toBeString();
  // @ts-expect-error a text is no number
  square("1");
  // @ts-expect-error its argument is missing
  square();
  // @ts-expect-error one argument too many
  square(1, 2);
  // @ts-expect-error there is no such option
  app((x: number) => x, { retires: 1 });
  // @ts-expect-error there is no such option of a call
  square.with({ retires: 1 });
}

export function asyncApps(): void {
  const later = app(async (x: number) => Promise.resolve([x.toFixed(1)]));
  expectTypeOf(later(1)).toEqualTypeOf<AppFuture<string[]>>();
}

export function parametersMayBeOptionalDefaultAndRest(): void {
  const greet = app((name?: string, times = 1) => (name ?? "").repeat(times));
  expectTypeOf(greet()).toEqualTypeOf<AppFuture<string>>();
  expectTypeOf(greet("x", 2)).toEqualTypeOf<AppFuture<string>>();
  const sum = app((...xs: number[]) => xs.length);
  expectTypeOf(sum(1, sum(2), Promise.resolve(3))).toEqualTypeOf<AppFuture<number>>();
  // @ts-expect-error a number is no text
  greet(1);
  const shout = bashApp((word?: string) => sh`echo ${word ?? "nothing"}`);
  expectTypeOf(shout()).toEqualTypeOf<AppFuture<0>>();
  const square = joinApp((x = 1) => sum(x));
  expectTypeOf(square()).toEqualTypeOf<AppFuture<number>>();
  // @ts-expect-error a parameter has a type of its own
  app((x) => x as number);
}

/** Type parameters are lost where a function becomes an app: a generic function needs a signature of its own. */
export function genericFunctionsNeedABareCallSignature(): void {
  const loose = app(<T>(x: T): T => x);
  expectTypeOf(loose(1)).toEqualTypeOf<AppFuture<unknown>>();
  const identity = app(<T>(x: T): T => x) as <T>(x: T | PromiseLike<T>) => AppFuture<T>;
  expectTypeOf(identity("x" as string)).toEqualTypeOf<AppFuture<string>>();
  expectTypeOf(identity(identity(1 as number))).toEqualTypeOf<AppFuture<number>>();
}

export function outputsKeepTheirShape(): void {
  const record = app((_: number, { outputs }: TaskFiles<{ readonly a: DataFile; readonly b: DataFile }>) => outputs.a.path, { outputs: { a: file("a"), b: file("b") } });
  expectTypeOf(record(1).outputs.a).toEqualTypeOf<DataFuture>();
  expectTypeOf(record(1).outputs).toEqualTypeOf<{ readonly a: DataFuture; readonly b: DataFuture }>();
  // @ts-expect-error it was not declared
  expectTypeOf(record(1).outputs.c).toBeAny();
  const list = app((files: { outputs: readonly DataFile[] }) => files.outputs.length, { outputs: [file("a"), file("b")] });
  expectTypeOf(list().outputs).toExtend<readonly DataFuture[]>();
  expectTypeOf(list()).toExtend<PromiseLike<number>>();
  const alone = app(({ outputs }) => outputs.a.path, { outputs: { a: file("a") } });
  expectTypeOf(alone().outputs).toEqualTypeOf<{ readonly a: DataFuture }>();
  const none = app(() => 1);
  expectTypeOf(none().outputs).toEqualTypeOf<NoOutputs>();
  // @ts-expect-error none were declared
  expectTypeOf(none().outputs.a).toBeAny();
}

export function outputsMayBeAFunctionOfTheArguments(): void {
  const copy = app((input: DataFile, { outputs }: { outputs: { readonly copy: DataFile } }) => outputs.copy.path + input.path, { outputs: (input: DataFile) => ({ copy: file(`${input.stem}.copy`) }) });
  expectTypeOf(copy(file("x")).outputs.copy).toEqualTypeOf<DataFuture>();
  expectTypeOf(copy(copy(file("x")).outputs.copy)).toExtend<PromiseLike<string>>();
}

export function bashApps(): void {
  // As the API page shows it: the parameters of the body come from the outputs function.
  const sort = bashApp((input, { outputs }) => sh`sort ${input} > ${outputs.sorted}`, {
    outputs: (input: DataFile) => ({ sorted: file(`${input.stem}.sorted.txt`) }),
  });
  const sorted = sort(file("words.txt"));
  expectTypeOf(sorted).toExtend<PromiseLike<0>>();
  expectTypeOf(sorted.outputs.sorted).toEqualTypeOf<DataFuture>();
  sort(sorted.outputs.sorted);
  // @ts-expect-error a text is no file
  sort("words.txt");
  expectTypeOf(bashApp(() => "true")()).toEqualTypeOf<AppFuture<0>>();
  expectTypeOf(bashApp(() => sh`echo`, { returns: "stdout" })()).toEqualTypeOf<AppFuture<string>>();
  expectTypeOf(bashApp(() => sh`echo`, { returns: "lines" })()).toEqualTypeOf<AppFuture<string[]>>();
  expectTypeOf(bashApp(() => sh`echo`, { returns: "json" })()).toEqualTypeOf<AppFuture<unknown>>();
  expectTypeOf(bashApp(async (x: number, flags: string[]) => Promise.resolve(sh`echo ${x} ${flags} ${raw("| sort")}`), { strict: false })(1, ["a"])).toEqualTypeOf<AppFuture<0>>();
  // @ts-expect-error the body returns no command
  bashApp(() => 3);
  // @ts-expect-error there is no such kind of result
  bashApp(() => "x", { returns: "text" });
}

export function inputsOption(): void {
  const read = app((x: number, { inputs }: TaskFiles<NoOutputs>) => inputs.length + x, { inputs: [file("a"), new DataFuture({} as AppFuture<unknown, unknown>, file("b"))] });
  expectTypeOf(read(1)).toEqualTypeOf<AppFuture<number>>();
  const cat = bashApp((word: string, { inputs }: TaskFiles<NoOutputs>) => sh`cat ${inputs} ${word}`, { inputs: [file("a")], returns: "stdout" });
  expectTypeOf(cat("x")).toEqualTypeOf<AppFuture<string>>();
}

export function joinApps(): void {
  const square = app((x: number) => x * x);
  expectTypeOf(joinApp((x: number) => square(x))(1)).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(joinApp((x: number) => [square(x), square(x)])(1)).toEqualTypeOf<AppFuture<number[]>>();
  expectTypeOf(joinApp(async (x: number) => Promise.resolve({ a: square(x), b: [square(x)] }))(1)).toEqualTypeOf<AppFuture<{ a: number; b: number[] }>>();
  const fib = joinApp((k: number): AppFuture<number> => (k < 2 ? square(k) : (fib(k - 1) as AppFuture<number>)));
  expectTypeOf(fib(3)).toEqualTypeOf<AppFuture<number>>();
  // @ts-expect-error its body runs beside the kernel: it has no executors
  joinApp((x: number) => square(x), { executors: "threads" });
}

interface Stats {
  histogram(of: DataFile, bins?: number): Promise<Map<string, number>>;
  mean(xs: number[]): number;
  readonly version: string;
}

export function appsOfAModule(): void {
  const stats = appsFrom<Stats>(new URL("file:///stats.js"));
  expectTypeOf(stats.mean([1, Promise.resolve(2)])).toEqualTypeOf<AppFuture<number>>();
  expectTypeOf(stats.histogram(file("x"))).toEqualTypeOf<AppFuture<Map<string, number>>>();
  expectTypeOf<keyof typeof stats>().toEqualTypeOf<"histogram" | "mean">();
  // @ts-expect-error the name is misspelt
  expectTypeOf(stats.maen).toBeAny();
  // @ts-expect-error it is no function
  expectTypeOf(stats.version).toBeAny();
  const real = appsFrom<typeof import("node:path")>("node:path");
  expectTypeOf(real.basename("x")).toEqualTypeOf<AppFuture<string>>();
}
