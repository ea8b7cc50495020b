import { expectTypeOf } from "vitest";
import type { AppFuture, DataFile, DataFuture, Input, Inputs, Mapped, Resolved } from "#internal/index";

declare const n: AppFuture<number>;
declare const s: AppFuture<string>;
declare const out: DataFuture;
declare const all: Mapped<AppFuture<number>, number>;

/** Accepts what may be given where an app takes a `T`. */
declare function takes<T>(given: Input<T>): void;

export function inputsMayBeValuesFuturesAndPromises(): void {
  takes<number>(1);
  takes<number>(n);
  takes<number>(Promise.resolve(1));
  takes<number>({ then: (resolve: ((value: number) => unknown) | null | undefined) => resolve?.(1) } as PromiseLike<number>);
  // @ts-expect-error a future of a string is no number
  takes<number>(s);
  // @ts-expect-error nor is a promise of one
  takes<number>(Promise.resolve("x"));
}

export function inputsMayHoldFuturesAtAnyDepth(): void {
  takes<number[]>([1, n, Promise.resolve(2)]);
  takes<number[]>(all);
  takes<number[]>(Promise.resolve([1]));
  takes<number[][]>([[n], [1], Promise.resolve([1])]);
  takes<readonly [number, string]>([n, s]);
  takes<{ a: number; b: { c: string[] } }>({ a: n, b: { c: [s, "x"] } });
  takes<{ a: number; b?: string }>({ a: n });
  takes<{ a: number; b?: string }>({ a: n, b: s });
  takes<Map<string, number>>(new Map([["k", n]]));
  takes<Set<number>>(new Set([n]));
  takes<Record<string, number[]>>({ x: [n], y: Promise.resolve([1]) });
  takes<(number | string)[]>([n, s, 1]);
  // @ts-expect-error the inner one is no string
  takes<{ a: { b: string[] } }>({ a: { b: [n] } });
  // @ts-expect-error the second one is no string
  takes<readonly [number, string]>([n, n]);
  // @ts-expect-error a key is missing
  takes<{ a: number; b: string }>({ a: n });
}

export function wholeThingsAreNotTakenApart(): void {
  takes<Date>(new Date());
  takes<Buffer>(Buffer.from("x"));
  takes<Float64Array>(Promise.resolve(new Float64Array(1)));
  takes<DataFile>(out);
  takes<DataFile[]>([out]);
  takes<{ files: readonly DataFile[] }>({ files: [out] });
  takes<Error>(new TypeError("x"));
  takes<RegExp>(/x/);
  takes<bigint | null | undefined>(undefined);
  takes<unknown>({ anything: [n] });
  // @ts-expect-error a future of a number is no file
  takes<DataFile>(n);
}

export function inputsOfParameters(): void {
  type Given = Inputs<[a: number, b?: string, ...rest: boolean[]]>;
  expectTypeOf<[1]>().toExtend<Given>();
  expectTypeOf<[AppFuture<number>, string, true, Promise<boolean>]>().toExtend<Given>();
  expectTypeOf<[AppFuture<string>]>().not.toExtend<Given>();
  expectTypeOf<[]>().not.toExtend<Given>();
}

export function resolvedIsWhatFuturesGive(): void {
  expectTypeOf<Resolved<AppFuture<number>>>().toEqualTypeOf<number>();
  expectTypeOf<Resolved<AppFuture<number>[]>>().toEqualTypeOf<number[]>();
  expectTypeOf<Resolved<{ a: AppFuture<number>; b: [AppFuture<string>, { c: Promise<Date> }]; d: 1 }>>().toEqualTypeOf<{ a: number; b: [string, { c: Date }]; d: 1 }>();
  expectTypeOf<Resolved<DataFuture>>().toEqualTypeOf<DataFile>();
  expectTypeOf<Resolved<readonly [AppFuture<1>, 2]>>().toEqualTypeOf<[1, 2]>();
}
