import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Outbox, partBytes } from "#internal/actors/links/outbox";
import { PartJoiner, partType } from "#internal/actors/links/parts";
import { defaultLimits, type Frame } from "#internal/actors/links/frames";
import { BadFrame } from "#internal/errors/index";

const beat = 20;

/** The other end of a way that takes so many bytes a millisecond. */
class Way {
  readonly counters = { bytesSent: 0 };
  readonly sent: { readonly type: number; readonly header: Uint8Array; readonly payload: Uint8Array }[] = [];
  ended = false;
  now = 0;
  readonly outbox = new Outbox(
    {
      backlog: 0,
      send: (type, header, payload = []) => {
        const whole = Buffer.concat(payload);
        this.counters.bytesSent += 13 + header.length + whole.length;
        this.sent.push({ type, header: Buffer.from(header), payload: whole });
      },
    },
    this.counters,
    new Set([beat]),
    () => this.now,
  );
  private has = 0;

  /** What was sent and has not arrived. */
  get underWay(): number {
    return this.counters.bytesSent - this.has;
  }

  /** So many milliseconds pass, in which so many bytes arrive. */
  pass(ms: number, bytes: number): void {
    this.now += ms;
    this.has = Math.min(this.counters.bytesSent, this.has + bytes);
    this.outbox.acknowledge(this.has);
  }

  /** What the other side makes of it: whole frames. */
  received(): { readonly type: number; readonly header: string; readonly payload: string }[] {
    const joiner = new PartJoiner();
    return this.sent.flatMap((frame, i) => {
      const whole = frame.type === partType ? joiner.add({ ...frame, sequence: i + 1 }, defaultLimits, () => true) : frame;
      return whole === undefined ? [] : [{ type: whole.type, header: Buffer.from(whole.header).toString("hex"), payload: Buffer.from(whole.payload).toString("hex") }];
    });
  }
}

const text = (...parts: readonly Uint8Array[]): string => Buffer.concat(parts).toString("hex");

test("what is small goes at once, as it is", () => {
  const way = new Way();
  way.outbox.send(16, Buffer.from("head"), [Buffer.from("load")]);
  expect(way.received()).toEqual([{ type: 16, header: text(Buffer.from("head")), payload: text(Buffer.from("load")) }]);
});

test("something urgent gets through beside a value that takes minutes, after what arrives within a second", () => {
  const way = new Way();
  const bytesPerMs = 2048;
  way.outbox.send(16, Buffer.alloc(10), [Buffer.alloc(200 * 2 ** 20)]);
  for (let ms = 0; ms < 5000; ms += 50) way.pass(50, 50 * bytesPerMs);
  const ahead = way.underWay;
  way.outbox.send(beat, Buffer.alloc(9), []);
  expect(way.sent.at(-1)?.type).toBe(beat);
  expect(ahead / bytesPerMs).toBeLessThan(1000);
  expect(ahead / bytesPerMs).toBeGreaterThan(50);
});

test("words that come in bunches open no flood", () => {
  const way = new Way();
  const bytesPerMs = 2048;
  way.outbox.send(16, Buffer.alloc(10), [Buffer.alloc(200 * 2 ** 20)]);
  for (let round = 0; round < 50; round++) {
    way.pass(60, 50 * bytesPerMs);
    way.pass(0.01, 10 * bytesPerMs);
    expect(way.underWay / bytesPerMs).toBeLessThan(1000);
  }
});

test("a way that takes more is given more", () => {
  const way = new Way();
  way.outbox.send(16, Buffer.alloc(10), [Buffer.alloc(200 * 2 ** 20)]);
  for (let ms = 0; way.underWay > 0 && ms < 60_000; ms += 10) way.pass(10, 2 ** 20);
  // 100 MiB a second: two seconds, and what it takes to find that out.
  expect(way.now).toBeLessThan(6000);
  expect(way.received().length).toBe(1);
});

test("the end comes after all that waits", () => {
  const way = new Way();
  way.outbox.send(16, Buffer.alloc(10), [Buffer.alloc(4 * 2 ** 20)]);
  way.outbox.whenEmpty(() => (way.ended = true));
  expect(way.ended).toBe(false);
  while (way.underWay > 0) way.pass(10, 2 ** 20);
  expect(way.ended).toBe(true);
  expect(way.outbox.backlog).toBe(0);
});

test("what nobody receives any more goes nowhere, but for what is said last", () => {
  const way = new Way();
  for (let i = 0; i < 3; i++) way.outbox.send(16, Buffer.alloc(10), [Buffer.alloc(4 * 2 ** 20)]);
  way.outbox.send(2, Buffer.from("farewell"));
  way.outbox.whenEmpty(() => (way.ended = true));
  const { length } = way.sent;
  way.outbox.clear();
  expect(way.ended).toBe(true);
  expect(way.outbox.backlog).toBe(0);
  expect(way.sent.slice(length).map(({ type, header }) => [type, header.toString()])).toEqual([[2, "farewell"]]);
});

test("what the other side cannot have is not believed", () => {
  const way = new Way();
  way.outbox.send(16, Buffer.alloc(10), [Buffer.alloc(4 * 2 ** 20)]);
  const before = way.sent.length;
  for (const bytes of [Number.NaN, -1, Infinity, way.counters.bytesSent + 1]) way.outbox.acknowledge(bytes);
  expect(way.sent.length).toBe(before);
});

test("frames arrive whole, each once, in order but for what is urgent, however the way goes", () => {
  const bytes = fc.nat({ max: 3 * partBytes }).map((length) => Buffer.alloc(length, length & 255));
  const act = fc.oneof(
    fc.record({ do: fc.constant("send" as const), header: bytes, payload: fc.array(bytes, { maxLength: 3 }) }),
    fc.record({ do: fc.constant("beat" as const) }),
    fc.record({ do: fc.constant("pass" as const), ms: fc.nat({ max: 300 }), bytes: fc.nat({ max: 2 ** 20 }) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const way = new Way();
      const expected: string[] = [];
      let beats = 0;
      for (const one of acts) {
        if (one.do === "send") {
          way.outbox.send(16, one.header, one.payload);
          expected.push(text(one.header, ...one.payload));
        } else if (one.do === "beat") {
          way.outbox.send(beat, Buffer.of(beats++), []);
          expect(way.sent.at(-1)?.type).toBe(beat);
        } else way.pass(one.ms, one.bytes);
      }
      for (let i = 0; way.underWay > 0 && i < 10_000; i++) way.pass(10, 2 ** 18);
      const got = way.received();
      expect(got.filter(({ type }) => type === 16).map(({ header, payload }) => header + payload)).toEqual(expected);
      expect(got.filter(({ type }) => type === beat).length).toBe(beats);
      expect(way.outbox.backlog).toBe(0);
    }),
    { numRuns: 60 },
  );
});

describe("parts that do not fit are refused", () => {
  const opening = (type: number, header: number, length: number): Buffer => {
    const bytes = Buffer.alloc(9);
    bytes[0] = type;
    bytes.writeUInt32BE(header, 1);
    bytes.writeUInt32BE(length, 5);
    return bytes;
  };
  const part = (header: Uint8Array, payload: Uint8Array): Frame => ({ type: partType, sequence: 1, header, payload });
  const none = Buffer.alloc(0);
  const limits = { frame: 1009, header: 100 };
  const knows = (type: number): boolean => type === 16;
  const cases: Record<string, readonly Frame[]> = {
    "a part of nothing": [part(none, Buffer.alloc(1))],
    "a second beginning": [part(opening(16, 1, 10), Buffer.alloc(1)), part(opening(16, 1, 10), Buffer.alloc(1))],
    "more than was announced": [part(opening(16, 1, 10), Buffer.alloc(11))],
    "a frame that is too long": [part(opening(16, 1, 1001), none)],
    "a header that is too long": [part(opening(16, 101, 1000), none)],
    "a header longer than the frame": [part(opening(16, 11, 10), none)],
    "an unknown type": [part(opening(17, 1, 10), none)],
    "a part within a part": [part(opening(partType, 1, 10), none)],
    "an opening that is none": [part(Buffer.alloc(4), none)],
  };
  for (const [what, frames] of Object.entries(cases)) {
    test(what, () => {
      const joiner = new PartJoiner();
      expect(() => frames.forEach((frame) => joiner.add(frame, limits, knows))).toThrow(BadFrame);
    });
  }
});
