import fc from "fast-check";
import { expect, test } from "vitest";
import { CommandStream, TAIL_BYTES } from "#internal/executors/shell/output";

const mark = "0123456789abcdef01234567.1.";
const line = fc.oneof(fc.string({ unit: "binary", maxLength: 30 }), fc.constantFrom(mark.slice(0, 10), "0123", "x".repeat(3000), "ü".repeat(500)));

/** The stream as a runner and its command write it, cut into chunks anywhere. */
const streams = fc.record({ before: fc.constantFrom("", "early\n"), lines: fc.array(line, { maxLength: 12 }), status: fc.integer({ min: 0, max: 255 }), cuts: fc.array(fc.nat(20_000), { maxLength: 12 }), stray: fc.constantFrom("", "stray") });

test("however the stream is cut, the pid, the status and the last lines of stderr come out, and what strays in after the end is noticed", () => {
  fc.assert(fc.property(streams, ({ before, lines, status, cuts, stray }) => {
    const written = before + lines.map((text) => `${text}\n`).join("");
    const bytes = Buffer.from(`${before}${mark}4711\n${written.slice(before.length)}${mark}${status}\n${stray}`);
    const started: number[] = [];
    const stream = new CommandStream({ mark, started: (pid) => started.push(pid) });
    const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
    for (const [index, place] of places.slice(1).entries()) if (place > (places[index] ?? 0)) stream.push(bytes.subarray(places[index], place));
    const tail = stream.text();
    expect({ started, status: stream.status, strayed: stream.strayed }).toEqual({ started: [4711], status, strayed: stray !== "" });
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(TAIL_BYTES + 2);
    expect(written.endsWith(tail) || tail.includes("\ufffd")).toBe(true);
    if (Buffer.byteLength(written) <= TAIL_BYTES) expect(tail).toBe(written);
    else expect(tail.length).toBeGreaterThan(0);
  }), { numRuns: 500 });
});
