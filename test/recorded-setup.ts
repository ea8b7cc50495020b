import { join } from "node:path";
import { expect } from "vitest";
import { DataFlowKernel } from "#internal/index";
import { recordTransitions, type Recording } from "#internal/testing/recording";

/** Every kernel of a test is recorded into this directory, from its start to its end: `npm run test:recorded`. */
const directory = process.env["CARAWAY_RECORD"];
const recordings = new WeakMap<DataFlowKernel, Recording>();
const { start, close } = DataFlowKernel.prototype as { start: DataFlowKernel["start"]; close: DataFlowKernel["close"] };
let made = 0;

if (directory !== undefined) {
  DataFlowKernel.prototype.start = function (this: DataFlowKernel) {
    if (!recordings.has(this)) recordings.set(this, recordTransitions(this, join(directory, nameOf(++made))));
    return start.call(this);
  };
  DataFlowKernel.prototype.close = async function (this: DataFlowKernel, ...options) {
    try {
      await close.apply(this, options);
    } finally {
      recordings.get(this)?.end();
    }
  };
}

function nameOf(number: number): string {
  const { currentTestName = "before any test", testPath = "" } = expect.getState();
  const title = `${testPath.split("/").at(-1)?.replace(".test.ts", "") ?? ""}-${currentTestName}`;
  return `${title.replace(/[^\w.-]+/g, "-").slice(0, 120)}-${process.pid}-${number}.ndjson`;
}
