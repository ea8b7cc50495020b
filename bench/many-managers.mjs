// One interchange and a thousand managers: simulated ones, that answer at once, over real links from one other process. How fast they register, what they cost at rest, how fast tasks go round.
// With `--link nats`, also through a NATS server, which a third process is; each manager has a connection of its own to it.
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KeyStore } from "#internal/actors/links/keys";
import { ByteWriter } from "#internal/executors/high-throughput/bytes";
import { InterchangeHandle } from "#internal/executors/high-throughput/interchange-handle";
import { OutcomeRecords, outcome, writeTask } from "#internal/executors/high-throughput/records";
import { runFigure } from "./harness.mjs";
import { isNatsAsked, natsServer } from "./nats-server.mjs";

const block = "block-1";
const crowd = fileURLToPath(new URL("./programs/crowd.mjs", import.meta.url));

/** @typedef {{ contender: string, variant: string, managers: number, tasks: number }} Case */

/** The records of so many tasks of an app without arguments. @param {number} from @param {number} count */
function recordsOf(from, count) {
  const writer = new ByteWriter();
  for (let taskId = from; taskId < from + count; taskId++) writeTask(writer, { taskId, app: { key: 1, name: "nothing", code: undefined, expected: 0 }, place: undefined, priority: undefined, walltime: 0, argumentsFor: () => [], shellFor: () => undefined, settingFor: () => undefined }, 1);
  return writer.take();
}

const overNats = "interchange through NATS";
const overKept = "interchange through NATS with JetStream";

/** @param {string} contender @returns {Promise<import("#internal/actors/links/places").ListenPlace>} */
async function placeOf(contender) {
  if (contender !== overNats && contender !== overKept) return { kind: "tcp", host: "127.0.0.1", ports: [0, 0] };
  return { kind: "nats", servers: [await natsServer()], subject: "bench", tls: undefined, login: undefined, patienceMs: 10_000, keep: contender === overKept ? { replicas: 1, storage: "file", maxAgeMs: 60_000, maxBytes: 1024 ** 3 } : undefined };
}

/** @param {Case} c */
async function measure({ contender, managers, tasks }) {
  const directory = mkdtempSync(join(tmpdir(), "caraway-crowd-"));
  const store = await KeyStore.open(join(directory, "keys"));
  const { path } = await store.create(block);
  let registered = 0;
  let answered = 0;
  /** @type {() => void} */
  let wake = () => undefined;
  /** @param {() => boolean} isSo */
  const until = async (isSo) => {
    while (!isSo()) await new Promise((resolve) => (wake = () => resolve(undefined)));
  };
  const place = await placeOf(contender);
  const interchange = new InterchangeHandle(
    { options: { label: "crowd", epoch: 1, selector: "random", heartbeatMs: 5_000, leaseMs: 30_000, reconnectMs: 1_000, awaited: [] }, place, keys: join(directory, "keys") },
    {
      outcomes: (bytes) => {
        for (const each = new OutcomeRecords(bytes); each.next(); ) if (each.kind === outcome.value) answered++;
        wake();
      },
      message: (message) => {
        if (message.t === "registered") registered++;
        wake();
      },
      died: (error) => {
        throw error;
      },
    },
  );
  const port = await interchange.listening;
  const began = performance.now();
  const child = fork(crowd, [JSON.stringify(place.kind === "tcp" ? { kind: "tcp", addresses: [`127.0.0.1:${String(port)}`] } : place), path, block, String(managers)], { stdio: "inherit" });
  process.once("exit", () => child.kill("SIGKILL"));
  await until(() => registered === managers);
  const registering = performance.now() - began;

  const before = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const { user, system } = process.cpuUsage(before);

  const flooded = performance.now();
  for (let at = 0; at < tasks; at += 10_000) interchange.submit(recordsOf(at, Math.min(10_000, tasks - at)));
  await until(() => answered === tasks);
  const took = performance.now() - flooded;
  child.kill("SIGKILL");
  await interchange.kill();
  rmSync(directory, { recursive: true });
  return { registered: (managers / registering) * 1000, rest: (user + system) / 10 / managers, tasksPerSecond: (tasks / took) * 1000 };
}

await runFigure({
  name: "many-managers",
  title: "One interchange and many managers (simulated ones, real links)",
  metrics: [
    { key: "registered", label: "registrations/s", better: "higher" },
    { key: "rest", label: "µs of CPU a second for a manager at rest", better: "lower" },
    { key: "tasksPerSecond", label: "tasks/s", better: "higher" },
  ],
  rounds: 3,
  /** @returns {Case[]} */
  cases: (quick) => ["interchange", ...(isNatsAsked() ? [overNats, overKept] : [])].flatMap((contender) => [10, 100, ...(isNatsAsked() ? [300] : []), 1_000].map((managers) => ({ contender, variant: `${String(managers)} managers`, managers, tasks: quick ? 50_000 : 200_000 }))),
  measure,
});
