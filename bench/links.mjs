// Requests and answers between two machines' ends, over loopback: a link (TLS 1.3) beside Node's plain sockets with the same frames; with `--link nats`, beside one through a NATS server.
import { mkdtempSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { FrameParser, FrameWriter } from "#internal/actors/links/frames";
import { KeyStore } from "#internal/actors/links/keys";
import { connectTo, listenAt } from "#internal/actors/links/places";
import { runFigure } from "./harness.mjs";
import { isNatsAsked, natsServer } from "./nats-server.mjs";

/** @typedef {import("#internal/actors/links/frames").Frame} Frame */
/** @typedef {{ send: (type: number, header: Uint8Array, payload?: Uint8Array[]) => void, onFrame: (handler: (frame: Frame) => void) => void, close: () => unknown }} End */
/** @typedef {{ contender: string, variant: string }} Case */

const host = "127.0.0.1";

/** The same frames over a plain socket; what is sent in one turn goes in one write there too. @param {import("node:net").Socket} socket @returns {End} */
function plainEnd(socket) {
  const writer = new FrameWriter();
  let planned = false;
  const flush = () => {
    planned = false;
    socket.cork();
    for (const part of writer.take()) socket.write(part);
    socket.uncork();
  };
  /** @type {(frame: Frame) => void} */
  let handler = () => undefined;
  const parser = new FrameParser((frame) => handler(frame));
  socket.setNoDelay(true).on("data", (chunk) => parser.push(chunk));
  return {
    send(type, header, payload) {
      writer.add(type, header, payload);
      if (!planned) queueMicrotask(() => process.nextTick(flush));
      planned = true;
    },
    onFrame: (receive) => void (handler = receive),
    close: () => socket.end(),
  };
}

const overNats = "caraway through NATS";
const overKept = "caraway through NATS with JetStream";
/** @param {string} server @param {string} contender @returns {{ kind: "nats" } & import("#internal/actors/links/nats/place").NatsPlace} */
const through = (server, contender) => ({ kind: "nats", servers: [server], subject: "bench", tls: undefined, login: undefined, patienceMs: 10_000, keep: contender === overKept ? { replicas: 1, storage: "file", maxAgeMs: 60_000, maxBytes: 256 * 1024 ** 2 } : undefined });

/** The far end: answers every request with its header and payload. @param {End} end */
const echo = (end) => end.onFrame(({ type, header, payload }) => end.send(type, header, payload.length === 0 ? undefined : [payload]));

if (!isMainThread) {
  const { contender, keys, server } = workerData;
  if (contender === "node:net") {
    const plain = createServer((socket) => echo(plainEnd(socket))).listen(0, host, () => parentPort?.postMessage(/** @type {import("node:net").AddressInfo} */ (plain.address()).port));
  } else {
    const { port = 0 } = await listenAt(server === undefined ? { kind: "tcp", host, ports: [0, 0] } : through(server, contender), { keys: await KeyStore.open(keys), hello: { kind: "far" }, onLink: echo });
    parentPort?.postMessage(port);
  }
}

/** @param {string} contender @returns {Promise<End>} */
async function open(contender) {
  const keys = join(mkdtempSync(join(process.cwd(), "links-")), "keys");
  const { key } = await (await KeyStore.open(keys)).create("bench");
  const server = contender === overNats || contender === overKept ? await natsServer() : undefined;
  const worker = new Worker(new URL(import.meta.url), { workerData: { contender, keys, server } });
  /** @type {number} */
  const port = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  if (contender !== "node:net") return await connectTo(server === undefined ? { kind: "tcp", addresses: [`${host}:${port}`] } : through(server, contender), { key, hello: { kind: "near" } });
  const socket = connect(port, host);
  await new Promise((resolve) => socket.once("connect", resolve));
  return plainEnd(socket);
}

/** Requests in batches, one batch on its way at a time; the next is sent when all of one was answered. @param {End} end @param {number} count @param {number} batch @param {Uint8Array[]} [payload] */
function requests(end, count, batch, payload) {
  const header = Buffer.alloc(24, 1);
  return new Promise((resolve) => {
    let [sent, answered] = [0, 0];
    const send = () => {
      for (let i = 0; i < batch && sent < count; i++, sent++) end.send(16, header, payload);
    };
    end.onFrame(() => {
      if (++answered === count) resolve(undefined);
      else if (answered === sent) send();
    });
    send();
  });
}

/** @type {Record<string, { count: number, batch: number, payload?: number }>} */
const shapes = {
  "batches of 256": { count: 100_000, batch: 256 },
  "one at a time": { count: 5_000, batch: 1 },
  "1 MiB each": { count: 200, batch: 8, payload: 1024 ** 2 },
};

if (isMainThread)
  await runFigure({
    name: "links",
    title: "Links between machines: requests and answers over loopback",
    metrics: [
      { key: "perSecond", label: "answers/s", better: "higher" },
      { key: "microseconds", label: "µs a round", better: "lower" },
    ],
    limits: ["node:net"],
    cases: () => Object.keys(shapes).flatMap((variant) => ["caraway", "node:net", ...(isNatsAsked() ? [overNats, overKept] : [])].map((contender) => /** @type {Case} */ ({ contender, variant }))),
    async measure({ contender, variant }) {
      const { count, batch, payload } = /** @type {{ count: number, batch: number, payload?: number }} */ (shapes[variant]);
      const parts = payload === undefined ? undefined : [Buffer.alloc(payload)];
      const end = await open(contender);
      await requests(end, Math.ceil(count / 5), batch, parts);
      const start = performance.now();
      await requests(end, count, batch, parts);
      const ms = performance.now() - start;
      return { perSecond: (count / ms) * 1000, microseconds: (ms * 1000 * batch) / count };
    },
    notes: ["caraway: TLS 1.3 with a pre-shared key. node:net: the same frames on plain sockets. The other end is a thread of its own."],
  });
