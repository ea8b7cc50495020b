import { DataFile, dataFileCodec } from "../data/file.js";
import { inSingleQuotes, QuoteScanner, shellQuote } from "../data/shell-quoting.js";
import { InvalidApp } from "../errors/index.js";

/** A piece of a command. A file becomes its path only where the command runs. */
export type CommandPart = { readonly kind: "literal" | "quoted" | "raw"; readonly text: string } | { readonly kind: "file"; readonly file: DataFile };

/** A shell command in parts, as {@link sh} makes it. Immutable. */
export class Command {
  readonly parts: readonly CommandPart[];

  constructor(parts: readonly CommandPart[]) {
    this.parts = Object.freeze([...parts]);
    Object.freeze(this);
  }

  /** The command with every file under its own path. */
  toString(): string {
    return renderCommand(this, (file) => file.path);
  }
}

/** Text that goes into a command as it stands. */
export class RawShell {
  constructor(readonly text: string) {
    Object.freeze(this);
  }
}

/** Opts out of quoting: the text is shell code. */
export function raw(text: string): RawShell {
  if (typeof text !== "string" || text.includes("\0")) throw new InvalidApp("CW-APP-009", "raw() takes a text without NUL characters.", { hint: "Give the shell code as a string." });
  return new RawShell(text);
}

/** What may stand in `${…}` of {@link sh}. */
export type ShellValue = string | number | bigint | boolean | DataFile | Command | RawShell | readonly ShellValue[];

/**
 * A shell command with its values quoted.
 *
 * What is typed is what bash reads, backslashes included: `` sh`printf "a\n"` `` hands bash the two characters `\n`. Only `` \` `` and
 * `\${` lose their backslash, which JavaScript needs there; so bash's own `${name}` is written `\${name}`.
 *
 * A value is one word, in single quotes where it needs any; an array is its elements as words; numbers and booleans are their text; a
 * `DataFile` becomes its path where the command runs; a command is inserted; {@link raw} is inserted as it stands. Throws
 * `InvalidApp` for other values, and for one that stands inside quotes, where quoting it again would change it.
 *
 * @example sh`sort ${["-n", "-r"]} ${input} > ${outputs.sorted}`
 */
export function sh(strings: TemplateStringsArray, ...values: readonly ShellValue[]): Command {
  const parts: CommandPart[] = [];
  const scanner = new QuoteScanner();
  strings.raw.forEach((rawText, index) => {
    const text = rawText.replace(/\\(`|\$\{)/g, "$1");
    if (text.includes("\0")) throw new InvalidApp("CW-APP-009", "A shell command cannot contain NUL characters.");
    if (text !== "") parts.push({ kind: "literal", text });
    scanner.read(text);
    if (index < values.length) parts.push(...interpolation(values[index], { number: index + 1, before: text, after: strings.raw[index + 1] ?? "", scanner }));
  });
  return new Command(parts);
}

interface Place {
  readonly number: number;
  readonly before: string;
  readonly after: string;
  readonly scanner: QuoteScanner;
}

function interpolation(value: ShellValue | undefined, place: Place): CommandPart[] {
  if (value instanceof RawShell) {
    place.scanner.read(value.text);
    return [{ kind: "raw", text: value.text }];
  }
  const plainText = typeof value === "number" || typeof value === "boolean" || typeof value === "bigint";
  if (place.scanner.insideQuotes && !plainText) refuse(place, "stands inside quotes", "Leave the quotes out: values are quoted where they need it. A word that is partly a value is written ${`prefix-${value}`}; raw() inserts text as it is.");
  if (/(?:^|[^\\$])(?:\\\\)*(?:\$\$)*\$$/.test(place.before)) refuse(place, "stands right after a $", "Write \\$ for a dollar sign. A variable of the shell is written $name or \\${name}.");
  const parts = partsOf(value, place);
  place.scanner.readValue();
  return place.scanner.insideQuotes ? parts : apart(parts, place);
}

/** Quotes a bare word that would otherwise run together with a variable before it, or become the number of a redirection after it. */
function apart(parts: CommandPart[], { before, after }: Place): CommandPart[] {
  const [first, last] = [parts[0], parts.at(-1)];
  if (first?.kind === "quoted" && /\$[A-Za-z_][A-Za-z0-9_]*$/.test(before)) parts[0] = forceQuotes(first);
  if (last?.kind === "quoted" && /^[<>]/.test(after) && /^\d+$/.test(last.text)) parts[parts.length - 1] = forceQuotes(last);
  return parts;
}

function forceQuotes(part: { readonly text: string }): CommandPart {
  return { kind: "quoted", text: part.text.startsWith("'") ? part.text : inSingleQuotes(part.text) };
}

function partsOf(value: unknown, place: Place): CommandPart[] {
  if (typeof value === "string") {
    if (value.includes("\0")) refuse(place, "contains a NUL character, which no command can take", "Remove it.");
    return [{ kind: "quoted", text: shellQuote(value) }];
  }
  if (typeof value === "boolean" || typeof value === "bigint" || (typeof value === "number" && Number.isFinite(value))) return [{ kind: "quoted", text: String(value) }];
  if (value instanceof DataFile) return [{ kind: "file", file: value }];
  if (value instanceof Command) return [...value.parts];
  if (value instanceof RawShell) return [{ kind: "raw", text: value.text }];
  if (Array.isArray(value)) return value.flatMap((element: unknown, index) => [...(index === 0 ? [] : [{ kind: "literal", text: " " } as const]), ...partsOf(element, place)]);
  return refuse(place, `is ${describe(value)}`, "Give a string, a finite number, a boolean, a file, a command, or an array of them.");
}

function describe(value: unknown): string {
  if (value === undefined || value === null || typeof value === "number") return String(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object") return `a ${typeof value}`;
  if ("then" in value) return "a promise or future; give it to the app as an argument, then the body gets its value";
  return `an object (${Object.prototype.toString.call(value).slice(8, -1)})`;
}

function refuse(place: Place, what: string, hint: string): never {
  throw new InvalidApp("CW-APP-009", `Interpolation ${place.number} of a shell command ${what}.`, { hint, evidence: { interpolation: place.number, after: place.before.slice(-60) } });
}

/** The text that bash gets, with the path that each file has where the command runs. */
export function renderCommand(command: Command, pathOf: (file: DataFile) => string): string {
  return command.parts.map((part) => (part.kind === "file" ? shellQuote(pathOf(part.file)) : part.text)).join("");
}

/** A command as plain data: text, and files by their URL. */
export type CommandWire = readonly (string | { readonly file: string })[];

export function commandToWire(command: Command): CommandWire {
  const wire: (string | { file: string })[] = [];
  for (const part of command.parts) {
    const last = wire.at(-1);
    if (part.kind === "file") wire.push({ file: dataFileCodec.encode(part.file) });
    else if (typeof last === "string") wire[wire.length - 1] = last + part.text;
    else wire.push(part.text);
  }
  return wire;
}

/** The command that {@link commandToWire} described; it renders to the same text. */
export function commandFromWire(wire: CommandWire): Command {
  return new Command(wire.map((part) => (typeof part === "string" ? { kind: "raw", text: part } : { kind: "file", file: dataFileCodec.decode(part.file) })));
}
