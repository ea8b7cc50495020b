// Who runs against whom: each contender opens a pool of two threads with the same small interface.
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openBatched, openSingle } from "./raw-pools.mjs";

/** @typedef {"echo" | "increment" | "sum" | "size"} Operation */
/**
 * @typedef {object} Pool
 * @property {(operation: Operation, value: unknown) => PromiseLike<unknown>} run
 * @property {() => Promise<void>} close
 * @property {true} [takesFutures] whether a future may be an argument
 * @property {() => PromiseLike<unknown>} [ready] resolves when another task may be submitted
 * @property {() => PromiseLike<unknown>} [settled] resolves when all tasks have ended
 */
/** @typedef {{ kind: "self" | "peer" | "limit" | "other", open: (options?: { maxPending?: number }) => Promise<Pool> }} Contender */

const threads = 2;
const operationsUrl = new URL("./workers/operations.mjs", import.meta.url).href;
const poolifierWorker = fileURLToPath(new URL("./workers/poolifier-worker.mjs", import.meta.url));

/** Thrown when caraway's build lacks what a figure needs: the case is skipped, saying so. */
export class NotBuilt extends Error {}

/**
 * The built package, or `NotBuilt` naming what is missing.
 * @param {string[]} names
 */
export async function importCaraway(names) {
  /** @type {Record<string, unknown>} */
  let caraway;
  try {
    caraway = await import("caraway");
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
    if (missing) throw new NotBuilt(`caraway is not built yet: ${error.message}`);
    throw error;
  }
  const absent = names.filter((name) => !(name in caraway));
  if (absent.length > 0) throw new NotBuilt(`caraway is not built yet: it exports no ${absent.join(", ")}`);
  return /** @type {typeof import("caraway")} */ (caraway);
}

async function onThreads() {
  const { threadPool } = await importCaraway(["threadPool"]);
  return threadPool({ maxThreads: threads });
}

async function onManager() {
  const { highThroughput, local } = await importCaraway(["highThroughput", "local"]);
  return highThroughput({ maxWorkersPerNode: threads, provider: local() });
}

/** @param {{ maxPending?: number }} [options] @param {typeof onThreads | typeof onManager} [executor] @returns {Promise<Pool>} */
async function openCaraway(options = {}, executor = onThreads) {
  const { app, load } = await importCaraway(["app", "load"]);
  const kernel = await load({ executors: [await executor()], ...options });
  /** @type {Record<Operation, (value: never) => PromiseLike<unknown>>} */
  const apps = {
    echo: app((/** @type {unknown} */ x) => x),
    increment: app((/** @type {number} */ x) => x + 1),
    sum: app((/** @type {number[]} */ xs) => xs.reduce((a, b) => a + b, 0)),
    size: app((/** @type {{ byteLength?: number }} */ x) => x.byteLength ?? Object.keys(x).length),
  };
  return {
    run: (operation, value) => apps[operation](/** @type {never} */ (value)),
    takesFutures: true,
    ready: () => kernel.ready(),
    settled: () => kernel.settled(),
    close: async () => void (await kernel.close()),
  };
}

/** @returns {Promise<Pool>} */
async function openCarawayMoving() {
  const { move } = await importCaraway(["move"]);
  const pool = await openCaraway();
  return { ...pool, run: (operation, value) => pool.run(operation, move(/** @type {Buffer} */ (value))) };
}

/** @param {object} [settings] @returns {Promise<Pool>} */
async function openPiscina(settings = {}) {
  const { Piscina } = await import("piscina");
  const pool = new Piscina({ filename: operationsUrl, minThreads: threads, maxThreads: threads, ...settings });
  return {
    run: (operation, value) => (operation === "echo" ? pool.run(value) : pool.run(value, { name: operation })),
    close: () => pool.destroy(),
  };
}

/** @returns {Promise<Pool>} */
async function openTinypool() {
  const { Tinypool } = await import("tinypool");
  const pool = new Tinypool({ filename: operationsUrl, minThreads: threads, maxThreads: threads });
  return {
    run: (operation, value) => (operation === "echo" ? pool.run(value) : pool.run(value, { name: operation })),
    close: () => pool.destroy(),
  };
}

/** @returns {Promise<Pool>} */
async function openPoolifier() {
  const { FixedThreadPool } = await import("poolifier");
  // Round robin without a task queue and without events is its quickest setting.
  const pool = new FixedThreadPool(threads, poolifierWorker, { enableEvents: false, enableTasksQueue: false });
  return {
    run: (operation, value) => (operation === "echo" ? pool.execute(value) : pool.execute(value, operation)),
    close: () => withinHalfASecond(pool.destroy()),
  };
}

/** poolifier's destroy() now and then loses a worker's answer and never resolves. @param {Promise<void>} ending */
async function withinHalfASecond(ending) {
  const enough = new AbortController();
  const patience = setTimeout(500, undefined, { signal: enough.signal }).catch(() => undefined);
  await Promise.race([ending, patience]);
  enough.abort();
}

/** @returns {Promise<Pool>} */
async function openTaskActors() {
  const [{ liveTask }, raw] = await Promise.all([import("./task-actor.mjs"), openSingle()]);
  return { run: (operation, value) => liveTask(() => raw.run(operation, value)), close: raw.close };
}

/** @type {Record<string, Contender>} */
export const contenders = {
  caraway: { kind: "self", open: (options) => openCaraway(options) },
  "caraway on a manager": { kind: "other", open: (options) => openCaraway(options, onManager) },
  "caraway move()": { kind: "other", open: openCarawayMoving },
  piscina: { kind: "peer", open: () => openPiscina() },
  "piscina c10": { kind: "peer", open: () => openPiscina({ concurrentTasksPerWorker: 10 }) },
  poolifier: { kind: "peer", open: openPoolifier },
  tinypool: { kind: "peer", open: openTinypool },
  "xstate actors": { kind: "other", open: openTaskActors },
  "raw batched": { kind: "limit", open: () => openBatched() },
  "raw message": { kind: "limit", open: () => openSingle() },
  "raw transfer": { kind: "limit", open: () => openSingle({ transfer: true }) },
  "raw round trip": { kind: "limit", open: () => openSingle({ threads: 1 }) },
};

/** @param {string} name @param {{ maxPending?: number }} [options] */
export function openContender(name, options) {
  const contender = contenders[name];
  if (contender === undefined) throw new Error(`no contender is called ${name}`);
  return contender.open(options);
}
