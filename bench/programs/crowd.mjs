// So many managers that answer at once: `crowd.mjs PLACE KEY BLOCK COUNT`; the place is JSON.
import { controlCodec } from "#internal/actors/links/control";
import { KeyStore } from "#internal/actors/links/keys";
import { connectTo } from "#internal/actors/links/places";
import { ByteWriter } from "#internal/executors/high-throughput/bytes";
import { frame, headFrames } from "#internal/executors/high-throughput/protocol";
import { TaskRecords, writeAnswer } from "#internal/executors/high-throughput/records";

const [place = "", path = "", block = "", count] = process.argv.slice(2);
const key = await KeyStore.load(path);
const codec = await controlCodec();

/** @param {number} rank */
async function join(rank) {
  const link = await connectTo(/** @type {import("#internal/actors/links/places").ConnectPlace} */ (JSON.parse(place)), { key, hello: { kind: "manager" }, types: headFrames, timeout: 120_000 });
  const writer = new ByteWriter(1024);
  let told = 0;
  link.onFrame(({ type, payload }) => {
    if (type === frame.accepted) setInterval(() => link.send(frame.alive, codec.encode({ at: performance.now() })), 5_000);
    if (type !== frame.tasks) return;
    const first = told + 1;
    for (const each = new TaskRecords(payload); each.next(); told++) writeAnswer(writer, each.task, each.attempt, { ok: true, value: 1, ms: 0.01 });
    link.send(frame.outcomes, codec.encode({ first }), [writer.take()]);
  });
  const facts = { uid: `${block}.${String(rank)}`, block, rank, host: "crowd", pid: process.pid, cores: 1, memoryMb: 1024, accelerators: [], versions: {}, workers: 1, prefetch: 0, remainingMs: null, has: [], told: 0 };
  link.send(frame.register, codec.encode(facts));
}

await Promise.all(Array.from({ length: Number(count) }, (_, rank) => join(rank)));
