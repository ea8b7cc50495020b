import { nearest } from "../config/suggest.js";
import { durationFault, parseDuration } from "../config/units.js";
import { type ErrorPlace, InvalidOption, NotYetSupported } from "../errors/index.js";
import { callSite } from "../serialization/function-source.js";
import { AUTO_LOGNAME } from "./types.js";
import { DataFile } from "../data/file.js";

type Check = (value: unknown) => string | undefined;

const optional = (what: string, test: (value: unknown) => boolean): Check => (value) => (value === undefined || test(value) ? undefined : what);
const isObject = (value: unknown) => value !== null && typeof value === "object" && !Array.isArray(value);
const isStream = (value: unknown) => value === AUTO_LOGNAME || typeof value === "string" || value instanceof DataFile || (isObject(value) && typeof (value as { path?: unknown }).path === "string" && ["append", "truncate"].includes((value as { mode?: string }).mode ?? ""));
const isDuration = (value: unknown) => {
  try {
    return parseDuration(value as string, "walltime") > 0;
  } catch {
    return false;
  }
};
const stream = optional("a path, { path, mode: \"append\" | \"truncate\" }, a file, or AUTO_LOGNAME", isStream);

const retriesWords = "a whole number from 0 up, or { app, lost, backoff, cost }";
const retryFields: Readonly<Record<string, (value: unknown) => boolean>> = {
  app: (v) => typeof v === "number" && v >= 0,
  lost: (v) => Number.isInteger(v) && (v as number) >= 0,
  backoff: (v) => typeof v === "function" || durationFault(v) === undefined || (isObject(v) && ["min", "max"].every((key) => durationFault((v as Record<string, unknown>)[key]) === undefined)),
  cost: (v) => typeof v === "function",
};

function retriesFault(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isInteger(value) && value >= 0 ? undefined : retriesWords;
  if (!isObject(value)) return retriesWords;
  const wrong = Object.entries(value as object).find(([key, field]) => field !== undefined && retryFields[key]?.(field) !== true);
  return wrong === undefined ? undefined : `${retriesWords}; its "${wrong[0]}" is wrong`;
}

const checks: Readonly<Record<string, Check>> = {
  executors: optional("a label, an array of labels, or a predicate", (v) => typeof v === "string" || typeof v === "function" || (Array.isArray(v) && v.every((one) => typeof one === "string"))),
  inputs: optional("an array of files", Array.isArray),
  outputs: optional("an array or record of files, or a function that gives one", (v) => typeof v === "object" || typeof v === "function"),
  stdout: stream,
  stderr: stream,
  walltime: optional("a positive number of milliseconds, or a string like \"30s\"", isDuration),
  retries: (v) => (v === undefined ? undefined : retriesFault(v)),
  cache: optional("true or false", (v) => typeof v === "boolean"),
  cacheIgnore: optional("an array of names or positions", (v) => Array.isArray(v) && v.every((one) => typeof one === "string" || typeof one === "number")),
  priority: optional("a number", (v) => typeof v === "number" && !Number.isNaN(v)),
  resources: optional("a record of resources, or a function that gives one", (v) => isObject(v) || typeof v === "function"),
  label: optional("a string", (v) => typeof v === "string"),
  signal: optional("an AbortSignal", (v) => v instanceof AbortSignal),
  env: optional("a record of strings", (v) => isObject(v) && Object.values(v as object).every((one) => typeof one === "string")),
  cwd: optional("a path", (v) => typeof v === "string"),
  using: optional("a record of values and functions", isObject),
  returns: optional("\"exit\", \"stdout\", \"lines\" or \"json\"", (v) => ["exit", "stdout", "lines", "json"].includes(v as string)),
  strict: optional("true or false", (v) => typeof v === "boolean"),
};

const later = new Set(["workdir", "environment", "schema"]);

const everywhere = ["cache", "cacheIgnore", "label", "signal"];
const onWorkers = ["executors", "inputs", "outputs", "stdout", "stderr", "walltime", "retries", ...everywhere, "priority", "resources", "env", "cwd"];

/** Which options each kind of app has. The bodies of join apps run beside the kernel, once: what concerns workers and attempts is not for them. */
export const optionsOf = {
  function: [...onWorkers, "using"],
  module: onWorkers,
  bash: [...onWorkers, "returns", "strict"],
  join: everywhere,
  lift: everywhere,
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Which of them a call may change. What goes along with a function is fixed where it is defined. */
export const optionsPerCall = { ...optionsOf, function: onWorkers } as const satisfies Readonly<Record<string, readonly string[]>>;

/** Throws `InvalidOption` for an option that does not exist or has a wrong value, `NotYetSupported` for one that is not built. */
export function checkOptions(of: string, options: unknown, names: readonly string[]): void {
  if (!isObject(options)) throw new InvalidOption("CW-APP-011", `the options of ${of} must be an object, not ${options === null ? "null" : typeof options}`, { where: placeNow(), evidence: { given: String(options) }, hint: "Give them as { name: value }." });
  for (const [key, value] of Object.entries(options as object)) {
    if (later.has(key)) throw new NotYetSupported("CW-CONF-002", `the option "${key}" of ${of} is not built yet`, { where: placeNow(), evidence: { option: key } });
    const check = names.includes(key) ? checks[key] : undefined;
    if (check === undefined) throw unknownOption(of, key, names);
    const wanted = check(value);
    if (wanted !== undefined) throw new InvalidOption("CW-APP-011", `the option "${key}" of ${of} must be ${wanted}`, { where: placeNow(), evidence: { option: key, given: typeof value === "object" ? value : String(value) }, hint: `Give ${wanted}.` });
  }
}

function unknownOption(of: string, key: string, names: readonly string[]): InvalidOption {
  const near = nearest(key, names);
  const elsewhere = key === "using" ? "Give it where the app is defined: app(fn, { using: { … } })." : key in checks ? `Other kinds of apps have "${key}"; this one has ${names.join(", ")}.` : `It has ${names.join(", ")}.`;
  return new InvalidOption("CW-APP-011", `${of} has no option "${key}"`, { where: placeNow(), evidence: { option: key, options: names }, hint: near === undefined || key in checks ? elsewhere : `Did you mean "${near}"?` });
}

function placeNow(): ErrorPlace {
  const site = callSite();
  return site === undefined ? {} : { callSite: `${site.file}:${site.line}:${site.column}` };
}
