// The limits: what postMessage gives with nothing around it but a promise per call.
import { Worker } from "node:worker_threads";

const workerUrl = new URL("./workers/raw-worker.mjs", import.meta.url);

/** @typedef {import("./contenders.mjs").Operation} Operation */
/** @typedef {import("./contenders.mjs").Pool} Pool */

/** @param {number} threads @param {(worker: Worker, answer: unknown) => void} onAnswer */
async function startWorkers(threads, onAnswer) {
  const workers = Array.from({ length: threads }, () => new Worker(workerUrl));
  for (const worker of workers) worker.on("message", (answer) => onAnswer(worker, answer));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once("online", resolve))));
  return workers;
}

/**
 * Two workers, batches of up to 64 calls, 256 calls of credit each, a promise per call.
 * @returns {Promise<Pool>}
 */
export async function openBatched({ threads = 2, batch = 64, credit = 256 } = {}) {
  /** @type {Map<number, (value: unknown) => void>} */
  const waiting = new Map();
  /** @type {Map<Worker, number>} */
  const credits = new Map();
  /** @type {[number, Operation, unknown][]} */
  let queue = [];
  let head = 0;
  let nextId = 0;
  let scheduled = false;

  const pump = () => {
    scheduled = false;
    for (const [worker, left] of credits) {
      let remaining = left;
      while (remaining > 0 && head < queue.length) {
        const count = Math.min(batch, remaining, queue.length - head);
        worker.postMessage(queue.slice(head, head + count));
        head += count;
        remaining -= count;
      }
      credits.set(worker, remaining);
    }
    if (head === queue.length && head > 0) {
      queue = [];
      head = 0;
    }
  };
  const workers = await startWorkers(threads, (worker, answer) => {
    const answers = /** @type {[number, unknown][]} */ (answer);
    credits.set(worker, (credits.get(worker) ?? 0) + answers.length);
    for (const [id, value] of answers) {
      waiting.get(id)?.(value);
      waiting.delete(id);
    }
    pump();
  });
  for (const worker of workers) credits.set(worker, credit);
  return {
    run(operation, value) {
      const id = nextId++;
      queue.push([id, operation, value]);
      if (!scheduled) {
        scheduled = true;
        queueMicrotask(pump);
      }
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    close: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}

/**
 * One message per call, round robin; `transfer` moves the value's buffer instead of copying it.
 * @returns {Promise<Pool>}
 */
export async function openSingle({ threads = 2, transfer = false } = {}) {
  /** @type {Map<number, (value: unknown) => void>} */
  const waiting = new Map();
  let nextId = 0;
  const workers = await startWorkers(threads, (_worker, answer) => {
    const [id, value] = /** @type {[number, unknown]} */ (answer);
    waiting.get(id)?.(value);
    waiting.delete(id);
  });
  return {
    run(operation, value) {
      const id = nextId++;
      const worker = /** @type {Worker} */ (workers[id % threads]);
      const message = { call: [id, operation, value] };
      if (transfer) worker.postMessage(message, [/** @type {ArrayBuffer} */ (/** @type {Buffer} */ (value).buffer)]);
      else worker.postMessage(message);
      return new Promise((resolve) => waiting.set(id, resolve));
    },
    close: async () => void (await Promise.all(workers.map((worker) => worker.terminate()))),
  };
}
