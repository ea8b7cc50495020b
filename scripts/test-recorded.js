/**
 * Runs tests, records every kernel of theirs, and verifies all recordings: `npm run test:recorded -- [--keep DIRECTORY] [path …]`, by default
 * the fault suite of managers. Ends with 1 where a test failed, a rule was broken, or nothing was recorded.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { describeVerdict, verifyRecording } from "../dist/testing/verify-recording.js";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { keep: { type: "string" } } });
const directory = values.keep === undefined ? mkdtempSync(join(tmpdir(), "caraway-recorded-")) : resolve(values.keep);
const paths = positionals.length === 0 ? ["test/faults/high-throughput"] : positionals;
const { status } = spawnSync("vitest", ["run", ...paths], { stdio: "inherit", shell: true, env: { ...process.env, CARAWAY_RECORD: directory } });

let steps = 0;
let [whole, broken, other] = [0, 0, 0];
const recordings = readdirSync(directory).filter((name) => name.endsWith(".ndjson")).sort();
for (const name of recordings) {
  try {
    const verdict = await verifyRecording(join(directory, name));
    steps += verdict.entries;
    if (verdict.whole) whole++;
    if (verdict.violation === undefined) continue;
    broken++;
    process.stdout.write(`${describeVerdict(verdict)}\n`);
  } catch (error) {
    other++;
    process.stdout.write(`${error.message}\n`);
  }
}
process.stdout.write(`${recordings.length} recordings with ${steps} steps (${whole} to the end of their run): a rule is broken in ${broken}, ${other} cannot be read\n`);
if (values.keep === undefined) rmSync(directory, { recursive: true });
process.exitCode = status === 0 && broken === 0 && other === 0 && recordings.length > 0 ? 0 : 1;
