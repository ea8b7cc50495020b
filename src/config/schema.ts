/** The schema of a configuration. Only ever imported dynamically: zod is slow to load. */
import { z } from "zod";
import { executor } from "./schema-executors.js";
import { callable, chosen, duration, fault, isObject, later, mustBe, number, objectWith, oneOf, option, requiredDuration, shape, text, whole, yesNo } from "./schema-fields.js";
import { show } from "./show.js";

export { notes, shapes } from "./schema-fields.js";

const backoffWords = "a duration, { min, max, factor, jitter } or a function";
const backoffObject = shape("backoff", {
  min: requiredDuration({ about: "The pause before the first retry." }),
  max: requiredDuration({ about: "The longest pause." }),
  factor: number(1, Infinity, { about: "What each pause is multiplied by to give the next.", default: "2" }),
  jitter: number(0, 1, { about: "The part of each pause that is random.", default: "0" }),
});
const backoff = chosen((value) => (isObject(value) ? backoffObject : typeof value === "function" ? z.unknown() : typeof value === "string" || typeof value === "number" ? requiredDuration({ about: "" }) : fault(`must be ${backoffWords}, but is ${show(value)}`)));

const retriesWords = "a whole number from 0 up, or { app, lost, backoff, cost }";
const retriesNumber = z.int(mustBe(retriesWords)).min(0, mustBe(retriesWords));
const retriesObject = shape("retries", {
  app: number(0, Infinity, { about: "How many application failures are tried again; with `cost`, the cost that may accumulate.", default: "0" }),
  lost: whole(0, { about: "How many losses of workers are tried again.", default: "3" }),
  backoff: option(z.optional(backoff), { words: backoffWords, about: "The pause before the next attempt; a function is asked with the attempt and its error.", default: "no pause" }),
  cost: callable({ about: "`(error, task) => number`: what a failure costs; a task is tried again while the sum is within `app`.", default: "1 each" }),
});
const retries = chosen((value) => (isObject(value) ? retriesObject : retriesNumber));

const resolver = chosen((value) => (isObject(value) ? objectWith(["gather", "unwrap"], "an object with the functions gather and unwrap", { about: "" }) : oneOf(["deep", "shallow"], { about: "" })));

const exitMode = chosen((value) => (value === "detach" ? fault('is "detach", which is not built yet', { later: true }) : oneOf(["wait", "cancel"], { about: "" })));
const strategy = chosen((value) => (isObject(value) ? fault("is an object of your own, which is not built yet", { later: true }) : oneOf(["none", "simple", "auto-scale"], { about: "" })));

const settings = {
  executors: option(z.array(executor, mustBe("an array of executors")).min(1, "is empty: leave it out for a thread pool over this machine's cores, or give an executor"), { words: "an array of executors", about: "What runs the tasks.", default: "one `threadPool()` over this machine's cores" }),
  retries: option(z.optional(retries), { words: retriesWords, about: "How often a failed task is tried again.", default: "0" }),
  cache: yesNo({ about: "Whether apps with `cache: true` are answered from earlier equal calls.", default: "true" }),
  runDir: text({ about: "The directory under which each run keeps its files.", default: '"runinfo"' }),
  strategy: option(z.optional(strategy), { words: '"none" or "simple" or "auto-scale"', about: "When blocks are added and ended.", default: '"simple"' }),
  strategyPeriod: duration({ about: "How often the strategy looks.", default: '"5s"' }),
  maxIdleTime: duration({ about: "How long a block stays idle before it ends.", default: '"2m"' }),
  exitMode: option(z.optional(exitMode), { words: '"wait" or "cancel"', about: "What happens to work that is left when a kernel is disposed of.", default: '"wait"' }),
  dependencyResolver: option(z.optional(resolver), { words: '"deep", "shallow" or { gather, unwrap }', about: "How futures are found in arguments: at any depth, among the arguments themselves only, or by functions of yours.", default: '"deep"' }),
  maxPending: whole(1, { about: "How many tasks may be unfinished before `ready()` waits.", default: "no limit" }),
  retain: whole(0, { about: "How many finished tasks stay inspectable.", default: "10000" }),
  progress: yesNo({ about: "Whether a live block of lines shows how the run goes.", default: "false" }),
  logger: objectWith(["info", "warn", "error", "debug"], "a pino logger", { about: "Where log lines go.", default: "none" }),
  projectName: text({ about: "A name for the run in reports.", default: "none" }),
  journal: later("The durable log: `{ mode, period, durability, resume }`."),
  placement: later("Which executor gets which task."),
  serializers: later("Codecs for classes of yours."),
  monitoring: later("Where events are kept."),
  inspector: later("The live web page."),
  usageTracking: later("Anonymous counts of what is used."),
  plugins: later("Executors, providers and stores of others."),
};

const profileName = z.string().regex(/^[A-Za-z][\w-]*$/);

export const configSchema = shape("config", {
  ...settings,
  profiles: option(z.record(profileName, shape("profile", settings), { error: (issue) => (issue.code === "invalid_key" ? "must be named by letters, digits, - and _" : `must be an object of settings by name, but is ${show(issue.input)}`) }), { words: "settings by name", about: "Named settings that are laid over the others; `CARAWAY_PROFILE` or `--profile` chooses one." }),
});
