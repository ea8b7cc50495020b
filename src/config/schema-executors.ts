/** The schemas of executors. Only ever imported dynamically. */
import { z } from "zod";
import { affinities, isCpuAffinity } from "./high-throughput.js";
import { chosen, duration, fault, isObject, later, mustBe, number, oneOf, option, shape, size, text, variables, whole, yesNo } from "./schema-fields.js";
import { link } from "./schema-links.js";
import { provider } from "./schema-providers.js";
import { show } from "./show.js";

const resourceLimits = shape("resourceLimits", {
  maxOldGenerationSizeMb: number(1, Infinity, { about: "The largest heap for long-lived objects, in MiB." }),
  maxYoungGenerationSizeMb: number(1, Infinity, { about: "The largest heap for new objects, in MiB." }),
  codeRangeSizeMb: number(1, Infinity, { about: "Memory for generated code, in MiB." }),
  stackSizeMb: number(0.1, 1024, { about: "The stack of the thread, in MiB.", default: "4" }),
});

const label = (name: string): z.ZodType => text({ about: "The name that apps use in their `executors` option.", default: `"${name}"` });
const limits = option(resourceLimits, { words: "an object", about: "Memory limits of each worker." });
const killGrace = duration({ about: "How long a shell command that was told to end has before it is killed.", default: '"2s"' });

const threadPool = shape("threadPool", {
  kind: z.literal("thread-pool"),
  label: label("threads"),
  maxThreads: whole(1, { about: "The most workers at a time.", default: "the cores this process may use" }),
  minThreads: whole(0, { about: "The workers that are started at once; the others start when there is work for them.", default: "1" }),
  isolation: oneOf(["thread", "process"], { about: "Worker threads of this process, or the same pool in a process of its own, which can be killed for real.", default: '"thread"' }),
  resourceLimits: limits,
  env: option(variables, { words: "an object of texts", about: "Environment variables of the workers, added to those of this process." }),
  killGrace,
  heartbeatThreshold: duration({ about: "How long a process with workers counts as there that says nothing: one that stands still is killed then. For `isolation: \"process\"`.", default: '"30s"' }),
  idleTimeout: later("How long a worker above `minThreads` stays idle before it ends."),
  startTimeout: later("How long the pool has to start."),
  cpuAffinity: later("Which cores each worker is bound to."),
  availableAccelerators: later("The accelerators that workers are pinned to."),
  workingDir: later("The directory of the workers."),
  storageAccess: later("How files are staged to the workers."),
});

const affinityWords = '"none", "block", "block-reverse", "alternating" or "list:0,1:2,3"';
const affinity = z.custom(isCpuAffinity, { ...mustBe(affinityWords), params: { choices: affinities } });

const acceleratorWords = "a whole number from 0 up, or names";
const isNames = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every((one) => typeof one === "string" && one !== "");
const accelerators = z.custom((value) => (Number.isInteger(value) && (value as number) >= 0) || isNames(value), mustBe(acceleratorWords));

const addressWords = "a text that is not empty, or several";
const addresses = z.custom((value) => (typeof value === "string" && value !== "") || (isNames(value) && value.length > 0), mustBe(addressWords));

const isPort = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65_535;
const portWords = "a port, a whole number from 1 to 65535";
const rangeWords = "two ports, the first and the last";
const range = z.custom((value) => Array.isArray(value) && value.length === 2 && value.every(isPort), mustBe(rangeWords));

const highThroughput = shape("highThroughput", {
  kind: z.literal("high-throughput"),
  label: label("high-throughput"),
  provider: option(provider, { words: "a provider such as local()", about: "What blocks are obtained from.", default: "`local()`" }),
  maxWorkersPerNode: whole(1, { about: "The most workers of each manager.", default: "as many as cores and memory allow" }),
  coresPerWorker: option(z.number(mustBe("a number above 0")).gt(0, mustBe("a number above 0")), { words: "a number above 0", about: "The cores that each worker takes; a part of one lets several share it.", default: "1" }),
  memPerWorker: size({ about: "The memory that each worker takes; a shell command whose processes use more is ended, and with isolation \"process\" any worker that does, and its task fails. A task has what it asks for by `resources` instead.", default: "no limit by memory" }),
  cpuAffinity: option(affinity, { words: affinityWords, about: "Which cores each worker and its commands are bound to, by taskset; a list names those of the first worker, of the second, and so on.", default: '"none"' }),
  availableAccelerators: option(accelerators, { words: acceleratorWords, about: "The accelerators of each node, one for each worker; its tasks, and those that ask for several by `resources`, are told by CUDA_VISIBLE_DEVICES, ROCR_VISIBLE_DEVICES and ZE_AFFINITY_MASK.", default: "none" }),
  prefetchCapacity: whole(0, { about: "The tasks that a manager holds beyond those its workers run.", default: "0" }),
  heartbeatPeriod: duration({ about: "How often managers and interchange say that they are there.", default: '"5s"' }),
  heartbeatThreshold: duration({ about: "How long a silent manager counts as there, and a silent process of a worker.", default: '"30s"' }),
  drainPeriod: duration({ about: "How long after its start a manager takes no more work, finishes what it has and ends.", default: "never, but a tenth of the walltime of its block, at most 30 s, before that is over" }),
  managerSelector: oneOf(["random", "least-loaded", "pack-by-block"], { about: "Which manager gets a task that several could run.", default: '"random"' }),
  isolation: oneOf(["thread", "process"], { about: "Whether workers are threads of their manager, or a process each.", default: '"thread"' }),
  resourceLimits: limits,
  env: option(variables, { words: "an object of texts", about: "Environment variables of the workers, added to those of their managers." }),
  killGrace,
  lostGrace: duration({ about: "How long a manager that has lost its interchange keeps finished results for it.", default: '"2m"' }),
  address: option(addresses, { words: addressWords, about: "The addresses of this machine that managers try, in order.", default: "all it has" }),
  workerPort: option(z.custom(isPort, mustBe(portWords)), { words: portWords, about: "The port that managers connect to.", default: "a free one" }),
  portRange: option(range, { words: rangeWords, about: "The ports from which a free one is taken." }),
  blockErrorHandler: yesNo({ about: "Whether blocks that end early, one after the other, make the executor fail.", default: "true" }),
  registrationTimeout: duration({ about: "How long the managers of a running block may take to register.", default: '"2m"' }),
  link: option(link, { words: "a link such as nats({ servers })", about: "What managers are connected by.", default: "TCP, with the addresses and ports given here" }),
  workingDir: later("The directory of the workers."),
  storageAccess: later("How files are staged to the workers."),
});

const kinds: Readonly<Record<string, z.ZodType>> = { "thread-pool": threadPool, "high-throughput": highThroughput };

/** An executor is checked by the schema that its `kind` names. */
export const executor = chosen((value) => {
  if (typeof value === "function") return fault(`is ${show(value)} itself: call it, as in ${value.name === "" ? "threadPool" : value.name}()`);
  if (!isObject(value)) return fault(`must be an executor such as threadPool(), but is ${show(value)}`);
  const { kind, role, notYet } = value;
  const known = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known !== undefined) return known;
  if (notYet === true && role === "executor") return fault(`uses ${String(kind)}(), which is not built yet`, { later: true });
  if (typeof role === "string") return fault(`must be an executor, but ${String(kind)}() makes a ${role}, which belongs to an executor`);
  return fault(kind === undefined ? "has no `kind`: make it by threadPool(), or write kind: \"thread-pool\"" : `has a kind that does not exist: ${show(kind)}`, { word: kind, choices: Object.keys(kinds) });
});
