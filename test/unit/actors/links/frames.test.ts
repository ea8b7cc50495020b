import { describe, expect, it } from "vitest";
import { BadFrame } from "#internal/errors/index";
import { defaultLimits, FrameParser, FrameWriter, prefixBytes, strangerLimits, type Frame, type FrameLimits } from "#internal/actors/links/frames";

const bytes = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
const written = (...frames: readonly { type?: number; header?: Uint8Array; payload?: Uint8Array[] }[]): Buffer => {
  const writer = new FrameWriter();
  for (const { type = 16, header = Buffer.from("head"), payload = [] } of frames) writer.add(type, header, payload);
  return bytes(...writer.take());
};
const parse = (chunks: readonly Uint8Array[], limits?: FrameLimits, knows?: (type: number) => boolean): Frame[] => {
  const frames: Frame[] = [];
  const parser = new FrameParser((frame) => frames.push(frame), limits, knows);
  for (const chunk of chunks) parser.push(chunk);
  parser.end();
  return frames;
};
/** A prefix, whole or in part wrong. */
const prefix = ({ length = 9, type = 16, sequence = 1, headerLength = 0 } = {}): Buffer => {
  const buffer = Buffer.alloc(prefixBytes);
  buffer.writeUInt32BE(length, 0);
  buffer[4] = type;
  buffer.writeUInt32BE(sequence, 5);
  buffer.writeUInt32BE(headerLength, 9);
  return buffer;
};
const refusalOf = (act: () => unknown): BadFrame => {
  try {
    act();
  } catch (error) {
    if (error instanceof BadFrame) return error;
    throw error;
  }
  throw new Error("nothing was refused");
};

describe("a frame parser", () => {
  it("gives type, number, header and payload of each frame, in order", () => {
    const [first, second] = parse([written({ type: 17, header: Buffer.from("a"), payload: [Buffer.from("one"), Buffer.from("two")] }, { header: Buffer.alloc(0) })]);
    expect(first).toMatchObject({ type: 17, sequence: 1 });
    expect([String(first?.header), String(first?.payload)]).toEqual(["a", "onetwo"]);
    expect(second).toMatchObject({ type: 16, sequence: 2, header: { length: 0 }, payload: { length: 0 } });
  });

  it("gives views of a chunk that holds the whole frame, and one piece where several do", () => {
    const chunk = written({ payload: [Buffer.alloc(100_000, 7)] });
    const [whole] = parse([chunk]);
    expect(whole?.payload.buffer).toBe(chunk.buffer);
    const [assembled] = parse([chunk.subarray(0, 50_000), chunk.subarray(50_000)]);
    expect(assembled?.payload.buffer).not.toBe(chunk.buffer);
    expect(Buffer.compare(assembled?.payload as Buffer, whole?.payload as Buffer)).toBe(0);
  });

  it.each([
    ["empty", prefix({ length: 0 }), "its length is 0"],
    ["too-short", prefix({ length: 8 }), "its length is 8, and the shortest has 9"],
    ["too-long", prefix({ length: strangerLimits.frame + 1 }), "its length is 65537, the limit is 65536"],
    ["unknown-type", prefix({ type: 99 }), "there is no frame of type 99"],
    ["gap", prefix({ sequence: 2 }), "frame 2 came where 1 follows"],
    ["repeat", prefix({ sequence: 0 }), "frame 0 came where 1 follows"],
    ["header-too-long", prefix({ length: 20, headerLength: 12 }), "its header has 12 bytes, more than the frame with 20"],
    ["header-too-long", prefix({ length: 200, headerLength: 51 }), "its header has 51 bytes, the limit is 50"],
  ])("refuses a frame that is %s, and says so", (reason, chunk, what) => {
    const error = refusalOf(() => parse([chunk], { ...strangerLimits, header: 50 }, (type) => type !== 99));
    expect(error.code).toBe("CW-LINK-003");
    expect(error.message).toContain(what);
    expect(error.evidence["reason"]).toBe(reason);
  });

  it("refuses a length that cannot be as soon as it is there", () => {
    expect(refusalOf(() => new FrameParser(() => undefined).push(Buffer.from([0, 0, 0, 0]))).evidence["reason"]).toBe("empty");
  });

  it("refuses an end within a frame, wherever it is, and takes one between frames", () => {
    const whole = written({}, { payload: [Buffer.alloc(50)] });
    const second = written({}).length;
    for (let cut = 0; cut <= whole.length; cut++) {
      if (cut === 0 || cut === second || cut === whole.length) parse([whole.subarray(0, cut)]);
      else expect(refusalOf(() => parse([whole.subarray(0, cut)])).evidence["reason"], `cut after ${cut}`).toBe("truncated");
    }
  });

  it("refuses a frame that comes twice, and takes nothing after what it refused", () => {
    const one = written({});
    const frames: Frame[] = [];
    const parser = new FrameParser((frame) => frames.push(frame));
    const error = refusalOf(() => parser.push(bytes(one, one)));
    expect(error.evidence).toMatchObject({ reason: "repeat", sequence: 1, expected: 2 });
    expect(refusalOf(() => parser.push(prefix({ sequence: 2 })))).toBe(error);
    expect(frames).toHaveLength(1);
  });

  it("holds to limits that are raised, from the next frame on", () => {
    const big = written({}, { payload: [Buffer.alloc(100_000)] });
    const frames: number[] = [];
    const parser = new FrameParser(({ payload }) => {
      frames.push(payload.length);
      parser.limits = defaultLimits;
    }, strangerLimits);
    parser.push(big);
    expect(frames).toEqual([0, 100_000]);
    expect(refusalOf(() => parse([big], strangerLimits)).evidence["reason"]).toBe("too-long");
  });

  it("stops where its receiver says so, in the middle of a chunk", () => {
    const got: number[] = [];
    const parser = new FrameParser(({ sequence }) => {
      got.push(sequence);
      if (sequence === 2) parser.stop();
    });
    parser.push(written({}, {}, {}));
    parser.push(Buffer.from("whatever"));
    expect(got).toEqual([1, 2]);
  });

  it("counts on past the largest number", () => {
    const writer = new FrameWriter(0xffff_ffff);
    for (let i = 0; i < 3; i++) writer.add(16, Buffer.alloc(0));
    const got: number[] = [];
    new FrameParser(({ sequence }) => got.push(sequence), defaultLimits, undefined, 0xffff_ffff).push(bytes(...writer.take()));
    expect(got).toEqual([0xffff_ffff, 0, 1]);
  });

  it("takes no memory for what a frame promises beyond its limit", () => {
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 50; i++) refusalOf(() => new FrameParser(() => undefined, { frame: 1024 ** 2, header: 1024 }).push(prefix({ length: 0xffff_ffff })));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1024 ** 2);
  });
});

describe("a frame writer", () => {
  it("puts small frames into one piece, and takes large parts as they are", () => {
    const writer = new FrameWriter();
    for (let i = 0; i < 100; i++) writer.add(16, Buffer.from("h"), [Buffer.from("p")]);
    expect(writer.take()).toHaveLength(1);
    const large = Buffer.alloc(100_000);
    writer.add(16, Buffer.from("h"), [Buffer.from("small"), large, Buffer.from("after")]);
    const pieces = writer.take();
    expect(pieces).toHaveLength(3);
    expect(pieces[1]).toBe(large);
    expect(writer.take()).toEqual([]);
  });

  it("says how many bytes it holds", () => {
    const writer = new FrameWriter();
    const length = writer.add(16, Buffer.from("head"), [Buffer.alloc(30_000)]);
    expect(length).toBe(prefixBytes + 4 + 30_000);
    expect(writer.pending).toBe(length);
    expect(bytes(...writer.take())).toHaveLength(length);
    expect(writer.pending).toBe(0);
  });

  it("refuses a frame that its length field cannot name", () => {
    const part = { length: 0x8000_0000 } as Uint8Array;
    expect(() => new FrameWriter().add(16, Buffer.alloc(0), [part, part])).toThrow(/32 bits/);
  });
});
