// A bare worker: sleeps as long as each message says, one after the other, and answers each.
import { parentPort } from "node:worker_threads";

if (parentPort === null) throw new Error("raw-sleeper.mjs runs in a worker thread");
const port = parentPort;
/** @type {number[]} */
const waiting = [];
let sleeps = false;

function next() {
  const ms = waiting.shift();
  sleeps = ms !== undefined;
  if (ms !== undefined) setTimeout(() => {
    port.postMessage(ms);
    next();
  }, ms);
}

port.on("message", (/** @type {number} */ ms) => {
  waiting.push(ms);
  if (!sleeps) next();
});
