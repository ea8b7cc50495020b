// A bare worker: an array is a batch of [id, operation, value], anything else is one such call.
import { parentPort } from "node:worker_threads";
import * as operations from "./operations.mjs";

if (parentPort === null) throw new Error("raw-worker.mjs runs in a worker thread");
const port = parentPort;

/** @typedef {[id: number, operation: import("../contenders.mjs").Operation, value: never]} Call */

/** @param {Call[] | { call: Call }} message */
function answer(message) {
  if (Array.isArray(message)) {
    port.postMessage(message.map(([id, operation, value]) => [id, operations[operation](value)]));
  } else {
    const [id, operation, value] = message.call;
    port.postMessage([id, operations[operation](value)]);
  }
}

port.on("message", answer);
