import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BadFrame } from "#internal/errors/index";
import { controlCodec } from "#internal/actors/links/control";
import { FrameParser, FrameWriter, type FrameLimits } from "#internal/actors/links/frames";
import { runs } from "./runs.js";

const limits: FrameLimits = { frame: 4096, header: 512 };
const part = (maxLength: number) => fc.uint8Array({ maxLength });
const frame = fc.record({ type: fc.integer({ min: 16, max: 255 }), header: part(300), payload: fc.array(part(900), { maxLength: 3 }) });
/** Where a stream is cut into chunks. */
const cuts = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 50 });

const stream = (frames: readonly { type: number; header: Uint8Array; payload: Uint8Array[] }[]): Buffer => {
  const writer = new FrameWriter();
  for (const { type, header, payload } of frames) writer.add(type, header, payload);
  return Buffer.concat(writer.take());
};
const chunked = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] as number;
    // Each chunk has memory of its own, as from a socket.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
};
/** What comes out, until the end or the refusal. */
const parse = (chunks: readonly Buffer[], parserLimits = limits): { frames: string[]; error: BadFrame | undefined; most: number } => {
  const frames: string[] = [];
  const parser = new FrameParser(({ type, sequence, header, payload }) => frames.push(`${type} ${sequence} ${Buffer.from(header).toString("hex")} ${Buffer.from(payload).toString("hex")}`), parserLimits);
  let most = 0;
  try {
    for (const chunk of chunks) {
      parser.push(chunk);
      most = Math.max(most, parser.pending);
    }
    parser.end();
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    return { frames, error, most };
  }
  return { frames, error: undefined, most };
};

describe("a frame parser", () => {
  it("gives what was written, however the bytes are cut into chunks", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), cuts, (frames, sizes) => {
        const expected = frames.map(({ type, header, payload }, i) => `${type} ${i + 1} ${Buffer.from(header).toString("hex")} ${Buffer.concat(payload).toString("hex")}`);
        expect(parse(chunked(stream(frames), sizes))).toMatchObject({ frames: expected, error: undefined });
      }),
      { numRuns: runs(500) },
    );
  });

  it("throws nothing but BadFrame, whatever comes, and the same however it is cut; it never holds more than the limit", () => {
    const garbage = fc.oneof(
      part(400),
      // Frames with a few bytes changed come farther than noise does.
      fc.tuple(fc.array(frame, { minLength: 1, maxLength: 5 }), fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { maxLength: 4 })).map(([frames, changes]) => {
        const bytes = stream(frames);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(garbage, cuts, (bytes, sizes) => {
        const whole = parse([Buffer.from(bytes)]);
        const cut = parse(chunked(Buffer.from(bytes), sizes));
        expect(cut.frames).toEqual(whole.frames);
        // The end of a stream and a wrong beginning at its end may be told in either order.
        expect(cut.error === undefined).toBe(whole.error === undefined);
        expect(Math.max(whole.most, cut.most)).toBeLessThanOrEqual(limits.frame + 4);
      }),
      { numRuns: runs(1500) },
    );
  });
});

describe("control headers", () => {
  it("bring plain data back as it was", async () => {
    const codec = await controlCodec();
    const plain = fc.letrec((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, fc.string(), fc.integer(), fc.double({ noNaN: true }).filter((n) => !Object.is(n, -0)), fc.boolean(), fc.constant(null), fc.array(tie("value"), { maxLength: 5 }), fc.dictionary(fc.string().filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 5 })),
    })).value;
    fc.assert(fc.property(plain, (value) => {
        expect(codec.decode(codec.encode(value))).toEqual(structuredClone(value));
      }), { numRuns: runs(500) });
  });

  it("are read or refused with BadFrame, whatever comes", async () => {
    const codec = await controlCodec();
    const near = fc.tuple(fc.jsonValue(), fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { maxLength: 3 })).map(([value, changes]) => {
      const bytes = Buffer.from(codec.encode(value));
      for (const [at, to] of changes) bytes[at % bytes.length] = to;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(part(200), near), (bytes) => {
        try {
          codec.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BadFrame);
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: runs(2000) },
    );
  });
});
