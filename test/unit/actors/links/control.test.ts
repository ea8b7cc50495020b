import { describe, expect, it } from "vitest";
import { BadFrame } from "#internal/errors/index";
import { controlCodec } from "#internal/actors/links/control";

const codec = await controlCodec();

describe("control headers", () => {
  it("carry plain data and bytes", () => {
    const value = { text: "é", number: 1.5, large: 2 ** 40, list: [true, null], bytes: Buffer.from([1, 2]) };
    const back = codec.decode(codec.encode(value)) as typeof value;
    expect(back).toMatchObject({ text: "é", number: 1.5, large: 2 ** 40, list: [true, null] });
    expect([...back.bytes]).toEqual([1, 2]);
  });

  it.each([
    ["a Date", new Date(0)],
    ["what is deeper than any header is", Array.from({ length: 70 }).reduce((inner) => [inner], 0)],
  ])("do not carry %s", (_what, value) => {
    expect(() => codec.encode({ value })).toThrow(/cannot/);
  });

  it("have null where something has no form in bytes", () => {
    expect(codec.decode(codec.encode({ f: () => 1, u: undefined }))).toEqual({ f: null, u: null });
  });

  it.each([
    ["an array that promises four thousand million values", [0xdd, 0xff, 0xff, 0xff, 0xff]],
    ["an array that promises thirty million", [0xdd, 0x01, 0xff, 0xff, 0xff]],
    ["a map that promises more than there is", [0xde, 0x00, 0x02, 0xa1, 0x61, 0x01]],
    ["a text that goes past the end", [0xd9, 0x20, 0x61]],
    ["an extension", [0xd4, 0x72, 0x40]],
    ["a type that does not exist", [0xc1]],
    ["nothing", []],
    ["two values", [0x01, 0x02]],
    ["a thousand arrays in each other", [...Array.from({ length: 1000 }, () => 0x91), 0x01]],
  ])("that are %s are refused before anything is built", (_what, bytes) => {
    const before = process.memoryUsage().heapUsed;
    expect(() => codec.decode(Buffer.from(bytes))).toThrow(BadFrame);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8 * 1024 ** 2);
  });

  it("do not reach the prototype of anything", () => {
    const evil = Buffer.concat([Buffer.from([0x81, 0xa9]), Buffer.from("__proto__"), Buffer.from([0x81, 0xa5]), Buffer.from("admin"), Buffer.from([0xc3])]);
    const read = codec.decode(evil) as { admin?: unknown };
    expect(read.admin).toBeUndefined();
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });
});
