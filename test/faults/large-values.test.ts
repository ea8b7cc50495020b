import { describe, expect, test } from "vitest";
import { app, move } from "caraway";
import { isolations, withPool } from "./kernels.js";

const sum = app((bytes: Uint8Array, more: { floats: Float64Array }) => bytes.reduce((a, b) => a + b, 0) + more.floats.reduce((a, b) => a + b, 0));
const make = app((megabytes: number) => ({ big: new Uint8Array(megabytes * 2 ** 20).fill(1), small: Buffer.from("five."), nothing: undefined, map: new Map([[-0, 1n]]) }));
const pass = app((value: unknown) => value);

describe.each(isolations)("isolation %s", (isolation) => {
  test("large binary values go to tasks and come back whole, also moved, also to several tasks", async () => {
    await withPool({ maxThreads: 2, isolation }, async (kernel) => {
      const bytes = new Uint8Array(3 * 2 ** 20).fill(1);
      const floats = new Float64Array(2 ** 18).fill(0.5);
      expect(await sum.on(kernel)(bytes, { floats })).toBe(3 * 2 ** 20 + 2 ** 17);
      expect(bytes.byteLength).toBe(3 * 2 ** 20);
      const made = make.on(kernel)(5);
      const passed = [1, 2, 3].map(() => pass.on(kernel)(made));
      for (const value of [await made, ...(await Promise.all(passed))]) {
        const { big, ...rest } = value as Awaited<typeof made>;
        expect(big).toBeInstanceOf(Uint8Array);
        expect(Buffer.compare(big, new Uint8Array(5 * 2 ** 20).fill(1))).toBe(0);
        expect(rest).toStrictEqual({ small: Buffer.from("five."), nothing: undefined, map: new Map([[-0, 1n]]) });
      }
      const moved = new Uint8Array(2 ** 20).fill(1);
      expect(await sum.on(kernel)(move(moved), { floats: new Float64Array(0) })).toBe(2 ** 20);
      expect(moved.byteLength).toBe(0);
    });
  });

  test("many small values in both directions arrive in their places", async () => {
    await withPool({ maxThreads: 2, isolation }, async (kernel) => {
      const values = Array.from({ length: 3000 }, (_, i) => ({ i, text: "x".repeat(i % 50), bytes: new Uint8Array([i & 255]) }));
      expect(await Promise.all(values.map((value) => pass.on(kernel)(value)))).toEqual(values);
    });
  });
});
