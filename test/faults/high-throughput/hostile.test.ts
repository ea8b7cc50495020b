import { join } from "node:path";
import { expect, test } from "vitest";
import { app } from "#internal/index";
import { controlCodec } from "#internal/actors/links/control";
import { KeyStore } from "#internal/actors/links/keys";
import { connectLink, type FrameLink } from "#internal/actors/links/tls-link";
import { ByteWriter } from "#internal/executors/high-throughput/bytes";
import { writeNews } from "#internal/executors/high-throughput/contents";
import { frame, headFrames, type Registration } from "#internal/executors/high-throughput/protocol";
import { outcome, writeAnswer, writeNote } from "#internal/executors/high-throughput/records";
import { encode } from "#internal/serialization/index";
import { held, Latch } from "../../unit/dataflow/latch.js";
import { until } from "../../unit/executors/shell/observe.js";
import { freePort, label, timed, withCluster, type Cluster } from "./cluster.js";

const codec = await controlCodec();
const double = app((x: number) => x * 2);
const nothing = new Uint8Array(0);

const facts = (more: Partial<Registration> = {}): Registration => ({
  uid: "block-1.7.intruder", block: "block-1", rank: 7, host: "elsewhere", pid: 1, cores: 1, memoryMb: 1, accelerators: [], versions: { node: process.version, caraway: "0" },
  workers: 1, prefetch: 0, remainingMs: null, has: [], told: 0, ...more,
});

/** A peer that holds the key of the first block, as a manager of it does. */
async function intruder({ run }: Cluster, port: number, kind = "manager"): Promise<FrameLink> {
  const key = await KeyStore.load(join(run, label, "keys", "block-1.key"));
  return await connectLink({ addresses: [`127.0.0.1:${port}`], key, hello: { kind, facts: {} }, types: headFrames });
}

/** It was cut: a link that is only closed, as that of a lost manager is, says farewell. */
const wasCut = (link: FrameLink): Promise<boolean> => new Promise((resolve) => link.onClose(({ clean }) => resolve(!clean)));
/** Its link serves nothing until the first frame is read. */
const accepted = (link: FrameLink): Promise<void> => new Promise((resolve) => link.onFrame(({ type }) => (type === frame.accepted ? resolve() : undefined)));

const forged = (write: (writer: ByteWriter) => void): Uint8Array => {
  const writer = new ByteWriter();
  write(writer);
  return writer.take();
};
const garbage = Uint8Array.from({ length: 200 }, (_, i) => (i * 151 + 7) % 256);

/** Every kind of frame that a manager sends, each wrong in its own way. */
const malformed: readonly (readonly [string, (link: FrameLink) => void])[] = [
  ["a second registration", (link) => link.send(frame.register, codec.encode(facts()))],
  ["a header that is no MessagePack", (link) => link.send(frame.outcomes, garbage)],
  ["outcomes without a number", (link) => link.send(frame.outcomes, codec.encode({}))],
  ["outcomes with a number that is none", (link) => link.send(frame.outcomes, codec.encode({ first: -1 }))],
  ["outcomes with more in the header", (link) => link.send(frame.outcomes, codec.encode({ first: 1, known: 3 }))],
  ["outcomes of garbage", (link) => link.send(frame.outcomes, codec.encode({ first: 1 }), [garbage])],
  ["an outcome that is cut", (link) => link.send(frame.outcomes, codec.encode({ first: 1 }), [forged((writer) => writeNote(writer, 1, 1, outcome.started)).subarray(0, 20)])],
  ["an outcome of no length", (link) => link.send(frame.outcomes, codec.encode({ first: 1 }), [new Uint8Array(28)])],
  ["an outcome of a kind that there is not", (link) => link.send(frame.outcomes, codec.encode({ first: 1 }), [forged((writer) => writeNote(writer, 1, 1, 77 as never))])],
  ["an outcome that is the interchange's to tell", (link) => link.send(frame.outcomes, codec.encode({ first: 1 }), [forged((writer) => writeNote(writer, 1, 1, outcome.lost))])],
  ["news of garbage", (link) => link.send(frame.news, nothing, [garbage.subarray(0, 9)])],
  ["a frame of the head's", (link) => link.send(frame.tasks, codec.encode({ known: 1 }), [garbage])],
];

/** What a manager says first, each wrong in its own way. */
const refused: readonly (readonly [string, (link: FrameLink) => void])[] = [
  ["news before it has registered", (link) => link.send(frame.alive, codec.encode({ at: 1 }))],
  ["a registration for another block", (link) => link.send(frame.register, codec.encode(facts({ block: "block-2" })))],
  ["a registration that is garbage", (link) => link.send(frame.register, garbage)],
  ["a registration that lacks a field", (link) => link.send(frame.register, codec.encode({ ...facts(), pid: undefined }))],
  ["a registration with a field that is not known", (link) => link.send(frame.register, codec.encode({ ...facts(), root: true }))],
  ["a registration with a million workers", (link) => link.send(frame.register, codec.encode(facts({ workers: 1_000_000 })))],
  ["a registration with tokens that are none", (link) => link.send(frame.register, codec.encode({ ...facts(), has: [["1", 1]] }))],
];

test("F10, F11: whoever has a block's key and sends what managers do not send loses that link; head, managers and tasks go on", async () => {
  const port = await freePort();
  const latch = new Latch();
  await withCluster({ workerPort: port }, async (cluster) => {
    const { kernel, manned } = cluster;
    const before = await manned();
    const running = held.on(kernel)(latch.name, "untouched");
    await latch.arrived();
    await timed(`${malformed.length + refused.length} malformed messages are refused`, 10_000, async () => {
      for (const [what, send] of refused) {
        const link = await intruder(cluster, port);
        const ended = wasCut(link);
        link.onFrame(() => undefined);
        send(link);
        expect(await ended, what).toBe(true);
      }
      for (const [what, send] of malformed) {
        const link = await intruder(cluster, port);
        const ended = wasCut(link);
        const ready = accepted(link);
        link.send(frame.register, codec.encode(facts()));
        await ready;
        send(link);
        expect(await ended, what).toBe(true);
      }
    });
    latch.open();
    expect(await running).toBe("untouched");
    expect(running.attempts).toEqual([]);
    expect(await Promise.all([1, 2, 3].map((x) => double.on(kernel)(x)))).toEqual([2, 4, 6]);
    expect(await manned()).toEqual(before);
    expect(kernel.executors.get(label)).toMatchObject({ state: "running" });
  });
  latch.close();
});

test("F10: a manager cannot answer for a task that is not its own, nor speak for it", async () => {
  const port = await freePort();
  const latch = new Latch();
  await withCluster({ workerPort: port, maxWorkersPerNode: 1 }, async (cluster) => {
    const { kernel, manned } = cluster;
    await manned();
    const running = held.on(kernel)(latch.name, "true");
    const said: unknown[] = [];
    running.reports$.subscribe((value) => said.push(value));
    await latch.arrived();
    await until("its start is known", () => running.state === "running");
    const link = await intruder(cluster, port);
    const ready = accepted(link);
    link.send(frame.register, codec.encode(facts({ has: [[running.id, 1]] })));
    await ready;
    const lies = forged((writer) => {
      writeAnswer(writer, running.id, 1, { ok: true, value: encode("false", "a lie"), ms: 1 });
      writeNote(writer, running.id, 1, outcome.revoked);
      writeNote(writer, running.id, 1, outcome.released);
      writeAnswer(writer, running.id, 2, { ok: true, value: encode("false", "a lie"), ms: 1 });
    });
    link.send(frame.outcomes, codec.encode({ first: 1 }), [lies]);
    link.send(frame.news, codec.encode(null), [writeNews(running.id, 1, { kind: "report", value: "false" })]);
    // It is answered after all that came before.
    const beaten = new Promise<void>((resolve) => link.onFrame(({ type }) => (type === frame.beat ? resolve() : undefined)));
    link.send(frame.alive, codec.encode({ at: 1 }));
    await beaten;
    expect(running.state).toBe("running");
    link.send(frame.left, codec.encode(null));
    latch.open();
    expect(await running).toBe("true");
    expect(running.attempts).toEqual([]);
    expect(said).toEqual([]);
    await link.close();
  });
  latch.close();
});

test("F10: what a manager tells of its own task, and cannot be read, costs that attempt and nothing else", async () => {
  const port = await freePort();
  const latch = new Latch();
  await withCluster({ workerPort: port, maxWorkersPerNode: 1, managerSelector: "least-loaded" }, async (cluster) => {
    const { kernel, manned } = cluster;
    await manned();
    const running = held.on(kernel)(latch.name, "true");
    await latch.arrived();
    const link = await intruder(cluster, port);
    const tasks = new Promise<void>((resolve) => link.onFrame(({ type }) => (type === frame.tasks ? resolve() : undefined)));
    link.send(frame.register, codec.encode(facts()));
    // The only worker that is free is the intruder's.
    const mine = double.on(kernel)(21);
    await tasks;
    link.send(frame.outcomes, codec.encode({ first: 1 }), [forged((writer) => {
      writeNote(writer, mine.id, 1, outcome.started);
      const from = writer.length;
      writeNote(writer, mine.id, 1, outcome.value);
      for (let i = 0; i < 8; i++) writer.u8(250);
      writer.u32At(from, writer.length - from);
    })]);
    link.send(frame.left, codec.encode(null));
    latch.open();
    expect(await mine).toBe(42);
    expect(await running).toBe("true");
    expect(mine.attempts.map(({ charge, error }) => [charge, error.name])).toEqual([["lost", "BadFrame"]]);
    await link.close();
  });
  latch.close();
});

test("F10: the manager of one block cannot take the place of another's", async () => {
  const port = await freePort();
  await withCluster({ workerPort: port, maxWorkersPerNode: 1, provider: { initBlocks: 2, maxBlocks: 2 } }, async (cluster) => {
    const { kernel, manned, workingAt } = cluster;
    await manned(2);
    const victim = workingAt().find((uid) => uid.startsWith("block-2.")) ?? "";
    const link = await intruder(cluster, port);
    const ended = wasCut(link);
    const heard: number[] = [];
    link.onFrame(({ type }) => heard.push(type));
    link.send(frame.register, codec.encode(facts({ uid: victim })));
    expect(await ended).toBe(true);
    expect(heard).toEqual([]);
    expect(await Promise.all(Array.from({ length: 100 }, (_, i) => double.on(kernel)(i)))).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i));
    expect(kernel.executors.get(label)).toMatchObject({ lost: 0, workers: 2 });
  });
});
