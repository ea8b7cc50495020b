import { parseArgs } from "node:util";
import { nearest } from "../config/suggest.js";

/** How a command ended: all well, it failed, or it was asked for something that does not exist. */
export const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** Where a command writes. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What stands for the value in the help text. */
  readonly value?: string;
  readonly about: string;
}

export interface Invocation {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly arguments: readonly string[];
  readonly json: boolean;
  readonly terminal: Terminal;
  readonly cwd: string;
}

export interface Command {
  readonly name: string;
  /** What follows the name: `[config]`. */
  readonly usage: string;
  readonly about: string;
  readonly options: Readonly<Record<string, Option>>;
  /** At most how many arguments it takes. */
  readonly most: number;
  /** Everything from the first argument on belongs to the program that the command starts. */
  readonly passesOn?: boolean;
  /** Answers the exit code. */
  run(invocation: Invocation): Promise<number>;
}

/** A fault of the one who typed the command. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const common: Readonly<Record<string, Option>> = {
  json: { type: "boolean", about: "print JSON instead of text" },
  help: { type: "boolean", short: "h", about: "print this text" },
};

/** Parses the words after a command's name, and runs it or prints its help. */
export async function runCommand(command: Command, words: readonly string[], terminal: Terminal, cwd: string): Promise<number> {
  const { options, positionals } = parse(command, words);
  if (options["help"] === true) {
    terminal.out(helpOf(command));
    return exitCodes.ok;
  }
  if (positionals.length > command.most) throw new UsageError(`caraway ${command.name} takes ${command.most === 0 ? "no arguments" : `at most ${command.most} argument${command.most === 1 ? "" : "s"}`}, but got ${positionals.length}: ${positionals.join(" ")}`);
  return command.run({ options, arguments: positionals, json: options["json"] === true, terminal, cwd });
}

interface Parsed {
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly positionals: readonly string[];
}

function parse(command: Command, words: readonly string[]): Parsed {
  const options = { ...command.options, ...common };
  const known = Object.fromEntries(Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short !== undefined && { short }) }]));
  const own = command.passesOn === true ? ownWords(known, words) : words;
  try {
    const { values, positionals } = parseArgs({ args: [...own], options: known, allowPositionals: true, allowNegative: true, strict: true });
    return { options: values, positionals: [...positionals, ...words.slice(own.length)] };
  } catch (cause) {
    throw new UsageError(parseFault(command.name, cause, Object.keys(options)), { cause });
  }
}

/** The words up to the first argument, with it. */
function ownWords(options: Readonly<Record<string, { type: "string" | "boolean" }>>, words: readonly string[]): readonly string[] {
  const { tokens } = parseArgs({ args: [...words], options, allowPositionals: true, allowNegative: true, strict: false, tokens: true });
  const first = tokens.find((token) => token.kind === "positional");
  return first === undefined ? words : words.slice(0, first.index + 1);
}

function parseFault(command: string, cause: unknown, names: readonly string[]): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const unknown = /Unknown option '--?([^']+)'/.exec(message)?.[1];
  if (unknown === undefined) return `caraway ${command}: ${message}`;
  const meant = nearest(unknown, names);
  return `caraway ${command} has no option --${unknown}${meant === undefined ? "" : `; did you mean --${meant}?`}`;
}

export function helpOf({ name, usage, about, options }: Command): string {
  const rows = Object.entries({ ...options, ...common }).map(([option, { type, short, value, about: text }]): [string, string] => [
    `${short === undefined ? "" : `-${short}, `}--${option}${type === "string" ? ` ${value ?? "VALUE"}` : ""}`,
    text,
  ]);
  return `caraway ${name} ${usage}\n\n${about}\n\n${table(rows)}`;
}

/** Two columns, indented. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

/** A value as JSON on lines of its own. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, undefined, 2)}\n`);
}
