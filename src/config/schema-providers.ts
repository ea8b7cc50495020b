/** The schemas of providers and launchers. Only ever imported dynamically. */
import { z } from "zod";
import { chosen, duration, fault, isObject, mustBe, number, option, shape, size, text, variables, whole, yesNo } from "./schema-fields.js";
import { show } from "./show.js";

const role = z.optional(z.custom((value) => value === undefined || value === "provider" || value === "launcher"));

const hasControls = (value: unknown): boolean => typeof value === "string" && /[\x00-\x1f\x7f]/.test(value);
const oneLine = (about: string, fallback?: string): z.ZodType => {
  const words = "a text of one line that is not empty";
  return option(z.string(mustBe(words)).min(1, mustBe(words)).refine((value) => !hasControls(value), { error: "must be one line without control characters" }), { words, about, ...(fallback === undefined ? {} : { default: fallback }) });
};

const prefixWords = "a text that is not empty, or words";
const launchers: Readonly<Record<string, z.ZodType>> = {
  single: shape("single", { role, kind: z.literal("single") }),
  simple: shape("simple", { role, kind: z.literal("simple") }),
  wrapped: shape("wrapped", {
    role,
    kind: z.literal("wrapped"),
    prefix: z.custom((value) => (typeof value === "string" ? value.trim() !== "" : isWords(value) && value.length > 0), mustBe(prefixWords)),
  }),
  srun: shape("srun", { role, kind: z.literal("srun"), options: option(z.custom(isWords, mustBe("an array of texts")), { words: "an array of texts", about: "More options of `srun`." }) }),
};

function isWords(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string" && !one.includes("\0"));
}

const launcher = described("launcher", launchers, "single()");

const blocks = {
  nodesPerBlock: whole(1, { about: "The nodes of each block.", default: "1" }),
  initBlocks: whole(0, { about: "The blocks that are asked for when the executor starts.", default: "1" }),
  minBlocks: whole(0, { about: "The blocks that are kept, however little there is to do.", default: "0" }),
  maxBlocks: whole(1, { about: "The most blocks at a time, those in the queue included.", default: "1" }),
  parallelism: number(0, Infinity, { about: "The workers that are asked for, for each unfinished task: 1 is as many as could be used, 0 as few as possible.", default: "1" }),
  walltime: duration({ about: "How long a block may run.", default: "as long as the provider lets it" }),
  workerInit: text({ about: "Lines of bash that are run on the first node before the managers are started.", default: "none" }),
  launcher: option(launcher, { words: "a launcher such as single()", about: "How the managers are started.", default: "`single()` on one node; on several `simple()`, or `srun()` in a Slurm job" }),
  env: option(variables, { words: "an object of texts", about: "Environment variables of the blocks, added to those they have by themselves." }),
};

const optionWords = "options of sbatch, one a text or line";
const providers: Readonly<Record<string, z.ZodType>> = {
  local: shape("local", {
    role,
    kind: z.literal("local"),
    ...blocks,
    killGrace: duration({ about: "How long a block that was told to end has before it is killed.", default: '"2s"' }),
    statusInterval: duration({ about: "How often jobs are looked at.", default: '"1s"' }),
  }),
  slurm: shape("slurm", {
    role,
    kind: z.literal("slurm"),
    ...blocks,
    partition: oneLine("The partition.", "the cluster's own"),
    account: oneLine("The account that pays.", "the user's own"),
    qos: oneLine("The quality of service."),
    constraint: oneLine("The features that nodes must have, as `sbatch --constraint` takes them."),
    schedulerOptions: option(z.custom((value) => typeof value === "string" || isWords(value), mustBe(optionWords)).superRefine(refuseOptions), { words: optionWords, about: "More options of `sbatch`; `#SBATCH` may stand before each." }),
    coresPerNode: whole(1, { about: "The cores to ask for on each node.", default: "what the cluster gives" }),
    memPerNode: size({ about: "The memory to ask for on each node.", default: "what the cluster gives" }),
    exclusive: yesNo({ about: "Whether blocks have their nodes for themselves.", default: "true" }),
    commandTimeout: duration({ about: "How long one command of Slurm may take.", default: '"30s"' }),
    statusInterval: duration({ about: "How often the queue is looked at.", default: '"5s"' }),
  }),
};

export const provider = described("provider", providers, "local()");

/** Scheduler options begin with a dash: anything else in their place would end the directives of a job script unseen. */
function refuseOptions(value: unknown, context: z.RefinementCtx): void {
  const lines = (typeof value === "string" ? value.split("\n") : (value as readonly string[])).filter((line) => line.trim() !== "");
  for (const line of lines) {
    if (hasControls(line.replaceAll("\t", " "))) context.addIssue({ code: "custom", message: `has control characters in ${show(line)}` });
    else if (!/^\s*(#SBATCH\s+)?-/.test(line)) context.addIssue({ code: "custom", message: `has ${show(line)}, which is no option of sbatch: an option begins with - or --` });
  }
}

/** A descriptor is checked by the schema that its `kind` names. */
function described(what: "provider" | "launcher", schemas: Readonly<Record<string, z.ZodType>>, example: string): z.ZodType {
  return chosen((value) => {
    if (typeof value === "function") return fault(`is ${show(value)} itself: call it, as in ${value.name === "" ? example : `${value.name}()`}`);
    if (!isObject(value)) return fault(`must be a ${what} such as ${example}, but is ${show(value)}`);
    const { kind, role: given, notYet } = value;
    const known = typeof kind === "string" && Object.hasOwn(schemas, kind) ? schemas[kind] : undefined;
    if (known !== undefined) return known;
    if (notYet === true && given === what) return fault(`uses ${String(kind)}(), which is not built yet`, { later: true });
    if (typeof given === "string" && given !== what) return fault(`must be a ${what}, but ${String(kind)}() makes a ${given}`);
    return fault(kind === undefined ? `has no \`kind\`: make it by ${example}` : `has a kind that does not exist: ${show(kind)}`, { word: kind, choices: Object.keys(schemas) });
  });
}
