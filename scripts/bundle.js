/** Puts what `tsc` made into few files, `dist/bundle`, that programs load: many small modules make every start slow. See docs/adr/0004-bundled-entries.md. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { rolldown } from "rolldown";

const directory = "dist/bundle";

/** What programs import, and what is started by its URL. All lie beside each other, so `new URL("./worker.js", import.meta.url)` holds in every file of the bundle. */
const entries = {
  index: "index",
  "actors-entry": "actors-entry",
  task: "task",
  testing: "testing/index",
  cli: "cli/main",
  worker: "executors/thread-pool/worker",
  "process-main": "executors/thread-pool/process-main",
  "thread-main": "supervisors/thread-main",
  "actor-main": "executors/high-throughput/actors/actor-main",
  "interchange-main": "executors/high-throughput/interchange-main",
  "manager-main": "executors/high-throughput/manager-main",
  "wfformat-task": "cli/wfformat-task",
};

/** What is needed at the same moment lies in one file: these modules with all that they import. The first group that wants a module has it. */
const groups = [
  { name: "values", test: /\/dist\/(errors|serialization|config\/suggest|actors\/typescript|executors\/thread-pool\/(claims|frames|offspring|start-notes))\b/ },
  { name: "core", test: /\/dist\/index\.js$/ },
  { name: "threads", test: /\/dataflow\/hosts\.js$/ },
  { name: "supervisors", test: /\/supervisors\/system\.js$/ },
  { name: "runtime", test: /\/dataflow\/runtime\.js$/ },
];

const bundle = await rolldown({
  input: Object.fromEntries(Object.entries(entries).map(([name, path]) => [name, `dist/${path}.js`])),
  platform: "node",
  external: (id) => !/^[./]/.test(id),
});
const { output } = await bundle.write({
  dir: directory,
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  codeSplitting: { groups },
  minifyInternalExports: false,
  comments: { legal: true, annotation: false, jsdoc: false },
});
await bundle.close();

const written = new Set(output.map(({ fileName }) => fileName));
for (const name of await readdir(directory)) if (!written.has(name)) await rm(join(directory, name));
