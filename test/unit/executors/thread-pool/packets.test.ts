import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { packed, Packets } from "#internal/executors/thread-pool/packets";

/** One end's writes, to be handed on to the other in pieces of any size. */
class Wire extends Duplex {
  readonly written: Uint8Array[] = [];
  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    done();
  }
  override _read(): void {
    // Chunks come by `push`.
  }
}

const fail = (error: Error): void => {
  throw error;
};

function packetsOf(messages: readonly unknown[]): Buffer {
  const wire = new Wire();
  const packets = new Packets<unknown, unknown>(wire as unknown as Socket, () => undefined, fail);
  for (const message of messages) packets.send(message);
  return Buffer.concat(wire.written);
}

async function read(bytes: Buffer, sizes: () => number): Promise<unknown[]> {
  const received: unknown[] = [];
  const wire = new Wire();
  new Packets<unknown, unknown>(wire as unknown as Socket, (message) => received.push(message), fail);
  for (let at = 0; at < bytes.length; ) {
    const size = sizes();
    wire.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  wire.push(null);
  await new Promise((resolve) => wire.once("end", resolve));
  return received;
}

const bytes = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.nat(3).map((n) => new Uint8Array(4090 + n * 5).fill(n)));
const message = fc.array(fc.oneof(fc.jsonValue(), bytes, fc.constant(undefined), fc.constant(-0), fc.bigInt()), { maxLength: 8 });

test("messages arrive whole and in order, however the pipe cuts them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 6 }), fc.array(fc.integer({ min: 3, max: 9000 }), { minLength: 1, maxLength: 20 }), async (messages, sizes) => {
      let i = 0;
      expect(await read(packetsOf(messages), () => sizes[i++ % sizes.length] ?? 1)).toStrictEqual(messages);
    }),
    { numRuns: 80 },
  );
});

test("each piece of binary data arrives with memory of its own, and memory beside a value as memory", async () => {
  const value = packed({ bytes: new Uint8Array([1, 2]), buffers: [new Uint8Array(10_000).fill(7).buffer, new ArrayBuffer(0)] });
  const [received] = (await read(packetsOf([[new Uint8Array([5]), new Uint8Array([6]), value]]), () => 100)) as [[Uint8Array, Uint8Array, { bytes: Uint8Array; buffers: ArrayBuffer[] }]];
  const [five, six, { bytes: own, buffers }] = received;
  expect([five.byteLength, five.buffer.byteLength, six.byteLength, six.buffer.byteLength, own.buffer.byteLength]).toEqual([1, 1, 1, 1, 2]);
  expect(five.buffer).not.toBe(six.buffer);
  expect(buffers.map((buffer) => buffer instanceof ArrayBuffer && buffer.byteLength)).toEqual([10_000, 0]);
  expect(new Uint8Array(buffers[0] as ArrayBuffer).every((byte) => byte === 7)).toBe(true);
});

test("what is sent to a pipe that has ended is dropped", () => {
  const wire = new Wire();
  const packets = new Packets<unknown, unknown>(wire as unknown as Socket, () => undefined, fail);
  wire.destroy();
  packets.send({ t: "kill" });
  expect(wire.written).toEqual([]);
});

test("bytes that are no packets, from the beginning or after some, are told once, and nothing of them is taken for a message", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 3 }), fc.uint8Array({ minLength: 8, maxLength: 300 }), fc.integer({ min: 1, max: 400 }), async (messages, garbage, size) => {
      fc.pre(Buffer.from(garbage.subarray(0, 4)).readUInt32LE() !== 0x4b505743);
      const told: Error[] = [];
      const received: unknown[] = [];
      const wire = new Wire();
      new Packets<unknown, unknown>(wire as unknown as Socket, (one) => received.push(one), (error) => told.push(error));
      const bytes = Buffer.concat([packetsOf(messages), garbage, packetsOf([["after"]])]);
      for (let at = 0; at < bytes.length; at += size) wire.push(bytes.subarray(at, at + size));
      wire.push(null);
      await new Promise((resolve) => wire.once("end", resolve));
      expect(received).toStrictEqual(messages);
      expect(told.map((error) => error.message)).toEqual([expect.stringContaining("no packet")]);
    }),
    { numRuns: 80 },
  );
});
