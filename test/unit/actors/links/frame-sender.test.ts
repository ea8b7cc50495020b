import type { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { Writable } from "node:stream";
import { describe, expect, it } from "vitest";
import { FrameSender } from "#internal/actors/links/frame-sender";

/** A socket that notes the bytes of each write, and takes them when it is let. */
const recorded = (): { sender: FrameSender; writes: number[]; takeAll: () => void; counters: { framesSent: number; bytesSent: number } } => {
  const writes: number[] = [];
  const taken: (() => void)[] = [];
  const socket = new Writable({
    write(chunk: Buffer, _encoding, done) {
      writes.push(chunk.length);
      taken.push(done);
    },
    writev(chunks, done) {
      writes.push(chunks.reduce((sum, { chunk }) => sum + (chunk as Buffer).length, 0));
      taken.push(done);
    },
  });
  const counters = { framesSent: 0, bytesSent: 0 };
  const takeAll = (): void => {
    for (const done of taken.splice(0)) done();
  };
  return { sender: new FrameSender(socket as Socket, counters), writes, takeAll, counters };
};
const header = Buffer.from("head");

describe("what sends frames", () => {
  it("gives the socket all of one turn in one write, also what microtasks and ticks of it send", async () => {
    const { sender, writes, counters } = recorded();
    for (let i = 0; i < 100; i++) sender.send(16, header);
    queueMicrotask(() => {
      sender.send(16, header);
      queueMicrotask(() => sender.send(16, header, [Buffer.alloc(50_000)]));
    });
    await turn();
    expect(writes).toEqual([counters.bytesSent]);
    expect(counters.framesSent).toBe(102);
  });

  it("does not wait for a turn to end where there is much, and gives the socket no more at a time than it takes well", async () => {
    const { sender, writes, takeAll, counters } = recorded();
    sender.send(16, header, [Buffer.alloc(5 * 1024 ** 2)]);
    expect(writes).toEqual([512 * 1024]);
    while (sender.backlog > 0) {
      takeAll();
      await turn();
    }
    expect(Math.max(...writes)).toBe(512 * 1024);
    expect(writes.reduce((a, b) => a + b)).toBe(counters.bytesSent);
  });

  it("counts what is not taken yet as backlog, and tells when there is none", async () => {
    const { sender, takeAll, counters } = recorded();
    let drains = 0;
    sender.onDrain(() => drains++);
    sender.send(16, header);
    await turn();
    sender.send(16, header, [Buffer.alloc(20_000)]);
    await turn();
    expect([sender.backlog, drains]).toEqual([counters.bytesSent, 0]);
    takeAll();
    await turn();
    expect([sender.backlog > 0, drains]).toEqual([true, 0]);
    takeAll();
    await turn();
    expect([sender.backlog, drains]).toEqual([0, 1]);
  });
});
