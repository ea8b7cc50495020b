// Arguments from 1 KiB to 16 MiB: a task answers with the length of what it got.
import { openContender } from "./contenders.mjs";
import { runFigure } from "./harness.mjs";
import { lanes } from "./workloads.mjs";

/** @typedef {{ contender: string, variant: string, bytes: number, count: number, width: number, form: "buffer" | "object" }} Case */

/** @type {Omit<Case, "contender">[]} */
const columns = [
  { variant: "1 KiB object", bytes: 1 << 10, count: 20_000, width: 64, form: "object" },
  { variant: "1 KiB", bytes: 1 << 10, count: 20_000, width: 64, form: "buffer" },
  { variant: "64 KiB", bytes: 1 << 16, count: 4_000, width: 16, form: "buffer" },
  { variant: "1 MiB", bytes: 1 << 20, count: 400, width: 4, form: "buffer" },
  { variant: "16 MiB", bytes: 1 << 24, count: 40, width: 4, form: "buffer" },
];
const moving = new Set(["caraway move()", "raw transfer"]);
const runners = ["caraway", "caraway move()", "piscina", "piscina c10", "poolifier", "tinypool", "raw message", "raw transfer"];

/** An object of 16 fields and about 1 KiB. */
const plainObject = () => Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`field${String(i)}`, i % 4 === 0 ? i * 1.5 : "x".repeat(64)]));

/** @param {boolean} quick @returns {Case[]} */
function cases(quick) {
  const scale = quick ? 0.25 : 1;
  return columns.flatMap((column) =>
    runners.filter((contender) => column.form === "buffer" || !moving.has(contender)).map((contender) => ({ contender, ...column, count: column.count * scale })),
  );
}

/** @param {Case} c */
async function measure({ contender, bytes, count, width, form }) {
  const pool = await openContender(contender);
  const fresh = () => (form === "object" ? plainObject() : Buffer.alloc(bytes));
  const payloads = Array.from({ length: width }, fresh);
  const expected = form === "object" ? 16 : bytes;
  // One payload per lane: what travels in one batch is never the same object. What is moved is gone, and made anew for each task.
  const once = async (/** @type {number} */ _i, /** @type {number} */ lane) => {
    const answer = await pool.run("size", moving.has(contender) ? fresh() : payloads[lane]);
    if (answer !== expected) throw new Error(`wrong length ${String(answer)}`);
  };
  await lanes(Math.ceil(count / 10), width, once);
  const start = performance.now();
  await lanes(count, width, once);
  const seconds = (performance.now() - start) / 1000;
  await pool.close();
  return { tasksPerSecond: count / seconds, megabytesPerSecond: (count * bytes) / 1e6 / seconds };
}

await runFigure({
  name: "arguments",
  title: "Arguments of 1 KiB to 16 MiB, 2 threads",
  metrics: [
    { key: "tasksPerSecond", label: "tasks/s", better: "higher" },
    { key: "megabytesPerSecond", label: "MB/s", better: "higher", ratio: false },
  ],
  rounds: 3,
  cases,
  measure,
  notes: ["In flight: 64 at 1 KiB, 16 at 64 KiB, 4 above. Moving and transferring allocate (and zero) a buffer per task; the others send theirs again."],
});
