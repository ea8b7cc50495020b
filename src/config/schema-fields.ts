/** The words that the schema is written in: one maker for each sort of option. Only ever imported dynamically. */
import { z } from "zod";
import { show } from "./show.js";
import { durationFault, sizeFault } from "./units.js";

/** What is known about one option, for messages and for the option tables in the documentation. */
export interface OptionNote {
  /** What its value must be, in plain words. */
  readonly words: string;
  /** What it does. */
  readonly about: string;
  readonly default?: string;
  /** It keeps its place in the interface and cannot be used yet. */
  readonly later?: true;
}

type About = Omit<OptionNote, "words">;

export const notes = z.registry<OptionNote>();

/** The options of every named shape, in order: what the tables show, and the names an unknown key is compared with. */
export const shapes = new Map<string, Readonly<Record<string, z.ZodType>>>();

export const mustBe = (words: string): { error: (issue: { input?: unknown }) => string } => ({ error: ({ input }) => `must be ${words}, but is ${show(input)}` });

export function option(schema: z.ZodType, note: OptionNote): z.ZodType {
  return z.optional(schema).register(notes, note);
}

export function whole(least: number, about: About): z.ZodType {
  const words = `a whole number from ${least} up`;
  return option(z.int(mustBe(words)).min(least, mustBe(words)), { words, ...about });
}

export function number(least: number, most: number, about: About): z.ZodType {
  const words = most === Infinity ? `a number from ${least} up` : `a number from ${least} to ${most}`;
  return option(z.number(mustBe(words)).min(least, mustBe(words)).max(most, mustBe(words)), { words, ...about });
}

export function text(about: About): z.ZodType {
  const words = "a text that is not empty";
  return option(z.string(mustBe(words)).min(1, mustBe(words)), { words, ...about });
}

export function yesNo(about: About): z.ZodType {
  return option(z.boolean(mustBe("true or false")), { words: "true or false", ...about });
}

export function oneOf(choices: readonly string[], about: About): z.ZodType {
  const words = choices.map((choice) => `"${choice}"`).join(" or ");
  return option(z.custom((value) => choices.some((choice) => choice === value), { ...mustBe(words), params: { choices } }), { words, ...about });
}

const durationWords = 'a duration: milliseconds, or text such as "30s"';

export function requiredDuration(about: About): z.ZodType {
  const schema = z.custom((value) => durationFault(value) === undefined, { error: ({ input }) => durationFault(input) ?? "" });
  return schema.register(notes, { words: durationWords, ...about });
}

export function duration(about: About): z.ZodType {
  return option(requiredDuration(about), { words: durationWords, ...about });
}

export function size(about: About): z.ZodType {
  const schema = z.custom((value) => sizeFault(value) === undefined, { error: ({ input }) => sizeFault(input) ?? "" });
  return option(schema, { words: 'a size: bytes, or text such as "512MiB"', ...about });
}

/** Environment variables: names that a shell can export, and texts. */
export const variables = z.record(
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/),
  z.string(mustBe("a text")).refine((value) => !value.includes("\0"), { error: "has a zero character" }),
  { error: (issue) => (issue.code === "invalid_key" ? "is no name of an environment variable" : `must be an object of texts, but is ${show(issue.input)}`) },
);

export function callable(about: About): z.ZodType {
  return option(z.custom((value) => typeof value === "function", mustBe("a function")), { words: "a function", ...about });
}

/** An object with these methods, such as a logger. */
export function objectWith(methods: readonly string[], words: string, about: About): z.ZodType {
  const fits = (value: unknown): boolean => isObject(value) && methods.every((method) => typeof value[method] === "function");
  return option(z.custom(fits, mustBe(words)), { words, ...about });
}

/** An option that keeps its place: any value but undefined is a "not yet" problem. */
export function later(about: string): z.ZodType {
  return option(z.custom((value) => value === undefined, { error: "is not built yet", params: { later: true } }), { words: "not built yet", about, later: true });
}

/** An object of exactly these options; its name leads from an unknown key to the known ones. */
export function shape(name: string, options: Record<string, z.ZodType>): z.ZodType {
  shapes.set(name, options);
  return z.strictObject(options, { error: (issue) => (issue.code === "unrecognized_keys" ? name : `must be an object, but is ${show(issue.input)}`) });
}

/** A schema chosen by looking at the value, so that the message explains the form that was meant. */
export function chosen(choose: (value: unknown) => z.ZodType): z.ZodType {
  return z.unknown().superRefine((value, context) => {
    const issues = choose(value).safeParse(value, { reportInput: true }).error?.issues ?? [];
    context.issues.push(...(issues as typeof context.issues));
  });
}

/** A schema that nothing fits. */
export function fault(message: string, params: Record<string, unknown> = {}): z.ZodType {
  return z.custom(() => false, { error: message, params });
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
