import type { Hash } from "node:crypto";
import { isAbsolute } from "node:path";
import { InvalidApp, OutsideVariable } from "../errors/index.js";
import { bareGlobals } from "./bare-globals.js";
import { applyEdits, META, providedNames, rewriting } from "./compiler-marks.js";
import { beginningOf, pathOfFile, type Beginning } from "./defining-place.js";
import { encode, type Encoded } from "./encoding.js";
import { freeNames, type FreeName } from "./free-names.js";
import { lineOf, parseFunction, type ParsedFunction } from "./parsed-function.js";
import { receiverUse } from "./receiver.js";

/** A function as plain data: what `reviveFunction` needs to make it again. */
export interface ShippedFunction {
  readonly name: string;
  /** An expression that evaluates to the function. */
  readonly source: string;
  /** sha256 in hex, of the source and all that is in `using`. */
  readonly hash: string;
  /** The file that defines it, as it was given: imports inside resolve from there, and stack traces name it. */
  readonly file: string;
  /** Where the source begins in the file, as far as known; both from 1. */
  readonly line?: number;
  readonly column?: number;
  /** Only where the source does not parse as strict code. */
  readonly sloppy?: true;
  /** The names of the outermost `using` that it mentions. */
  readonly mentions: readonly string[];
  /** What it uses and what that uses, in turn. Empty inside another function's `using`, whose names it shares. */
  readonly using: readonly ShippedName[];
}

export interface ShippedName {
  readonly name: string;
  readonly fn?: ShippedFunction;
  readonly value?: Encoded;
}

export interface ShipOptions {
  /** Values and functions to ship along, by the names the function uses for them. */
  readonly using?: Readonly<Record<string, unknown>>;
  /** File URL or path of the defining file. */
  readonly file: string;
  /** A line near the function's, such as that of the call that was given it. */
  readonly line?: number;
}

type AnyFunction = (...args: never[]) => unknown;

/**
 * Makes a function ready to run elsewhere. Throws `InvalidApp` for what has no source of its own, and `OutsideVariable`
 * for one that uses variables from outside itself, naming all of them.
 */
export function shipFunction(fn: AnyFunction, options: ShipOptions): ShippedFunction {
  return new Shipment(options).run(fn);
}

/** One function and the functions of its `using`. */
class Shipment {
  private readonly using: Readonly<Record<string, unknown>>;
  private readonly shipped = new Map<string, ShippedName>();

  constructor(private readonly options: ShipOptions) {
    this.using = options.using ?? {};
    for (const name of Object.keys(this.using)) checkName(name);
  }

  run(fn: unknown): ShippedFunction {
    const label = typeof fn === "function" && fn.name !== "" ? `function ${fn.name}` : "the function";
    const main = this.ship(fn, label);
    const waiting = [...main.mentions];
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (this.shipped.has(name)) continue;
      const entry = this.shipName(name, label);
      this.shipped.set(name, entry);
      if (entry.fn !== undefined) waiting.push(...entry.fn.mentions);
    }
    const using = [...this.shipped.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { ...main, using, hash: hashOf(main, using) };
  }

  private shipName(name: string, label: string): ShippedName {
    const value = this.using[name];
    if (typeof value === "function") return { name, fn: this.ship(value, `using.${name} of ${label}`) };
    return { name, value: encode(value, `using.${name} of ${label}`) };
  }

  private ship(fn: unknown, label: string): ShippedFunction {
    const { file, line: near } = this.options;
    if (typeof fn !== "function") throw new InvalidApp("CW-APP-009", `${label} is no function: it is ${fn === null ? "null" : `of type ${typeof fn}`}`);
    const original = Function.prototype.toString.call(fn);
    if (/\{\s*\[native code\]\s*\}\s*$/.test(original)) throw nativeCode(fn.name, label);
    const parsed = parseFunction(original, label);
    const begin = beginningOf(original, file, near);
    const view: View = { label, file, parsed, begin };
    checkKind(view);
    const rewritten = rewriting(parsed.program, isAbsolute(pathOfFile(file)) ? pathOfFile(file) : process.cwd());
    const [meta] = rewritten.unknownMeta;
    if (meta !== undefined) throw new InvalidApp("CW-APP-009", `${label} uses ${meta.text} (${place(view, lineOf(meta.node))}), which has no meaning in a worker`, { hint: "Of import.meta, only url, filename and dirname go along with a function." });
    const names = freeNames(parsed).filter(({ name }) => !providedNames.has(name));
    const isUsing = ({ name }: FreeName): boolean => Object.hasOwn(this.using, name);
    const outside = names.filter((free) => !isUsing(free) && !bareGlobals().has(free.name));
    if (outside.length > 0) throw outsideVariable(view, outside, fn.name);
    const source = applyEdits(parsed.expression, rewritten.edits, 1);
    const mentions = [...new Set(names.filter(isUsing).map(({ name }) => name))].sort();
    const shipped = { name: fn.name, source, file, mentions, using: [], ...beginning(view), ...(parsed.strict ? {} : { sloppy: true as const }) };
    return { ...shipped, hash: hashOf(shipped, []) };
  }
}

/** What the messages about a function need. */
interface View {
  readonly label: string;
  readonly file: string;
  readonly parsed: ParsedFunction;
  readonly begin: Beginning | undefined;
}

function beginning({ begin, parsed }: View): { line?: number; column?: number } {
  if (begin === undefined) return {};
  const { line, column } = begin;
  return { line: line + parsed.linesAhead, ...(column === undefined || !parsed.sameStart ? {} : { column }) };
}

/** A line of the function as the user finds it: in the file if that is known, else in the function. */
function lineFor({ begin, parsed }: View, line: number): { line: number; inFile: boolean } {
  return begin === undefined ? { line: line + parsed.linesAhead, inFile: false } : { line: begin.line + parsed.linesAhead + line - 1, inFile: true };
}

function place(view: View, lineInFunction: number): string {
  const { line, inFile } = lineFor(view, lineInFunction);
  return inFile ? `line ${line}` : `line ${line} of the function`;
}

function checkKind(view: View): void {
  const { label, parsed: { root } } = view;
  if (root.type === "ClassExpression") throw new InvalidApp("CW-APP-009", `${label} is a class`, { hint: "Give a function that makes the instance; a class it needs can be declared inside it, or imported." });
  if (root.type !== "FunctionExpression" && root.type !== "ArrowFunctionExpression") throw new InvalidApp("CW-APP-009", `${label} is not written as a function`, { evidence: { syntax: root.type } });
  if (root["generator"] === true) throw new InvalidApp("CW-APP-009", `${label} is a generator: a call of it has no single result`, { hint: "Return an array, or make one app call per item." });
  const receiver = receiverUse(root);
  if (receiver === undefined) return;
  throw new InvalidApp("CW-APP-009", `${label} uses \`${receiver.word}\` (${place(view, receiver.line)}), and no object goes along with a shipped function`, {
    hint: "Pass what it needs as an argument or with `using: { … }`; inside classes and functions of its own, it may use `this`.",
  });
}

function nativeCode(name: string, label: string): InvalidApp {
  const bound = name.startsWith("bound ");
  return new InvalidApp("CW-APP-009", `${label} ${bound ? "is a bound function" : "is native code"}, which has no source to ship`, {
    hint: bound ? "Give the function itself, and what was bound to it as an argument." : "Wrap it: (…args) => theFunction(…args).",
  });
}

function outsideVariable(view: View, outside: readonly FreeName[], ownName: string): OutsideVariable {
  const list = outside.map(({ shown, note, line }) => `\`${shown}\` (${place(view, line)}${note === undefined ? "" : `; ${note}`})`);
  const plain = outside.find(({ note }) => note === undefined)?.shown ?? "helper";
  const itself = outside.some(({ name }) => name === ownName && name !== "") ? ` If \`${ownName}\` means the function itself, write it as function ${ownName}(…) {…}.` : "";
  return new OutsideVariable("CW-APP-010", `${view.label} uses ${outside.length === 1 ? "a variable" : "variables"} from outside itself: ${list.join(", ")}`, {
    where: { file: view.file },
    evidence: { variables: outside.map(({ shown, line }) => ({ name: shown, line: lineFor(view, line).line })) },
    hint: `Pass it as an argument, ship it along with \`using: { ${plain} }\`, or move the function to a module and use appsFrom(…). Imports go inside the function: const { … } = await import("…").${itself}`,
  });
}

function checkName(name: string): void {
  const reserved = /^(?:await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield|eval|arguments)$/;
  if (/^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name) && !reserved.test(name) && !providedNames.has(name) && name !== META) return;
  throw new InvalidApp("CW-APP-009", `using: ${JSON.stringify(name)} cannot be the name of a variable`);
}

/** Loaded with the first function: node:crypto costs a worker that only revives functions milliseconds for nothing. */
const newHash = (): Hash => process.getBuiltinModule("node:crypto").createHash("sha256");

function hashOf({ source, sloppy }: Pick<ShippedFunction, "source" | "sloppy">, using: readonly ShippedName[]): string {
  const hash = newHash().update(sloppy === true ? "sloppy" : "strict").update(source);
  for (const { name, fn, value } of using) {
    hash.update(`\0${name}\0`);
    if (fn === undefined) addValue(hash, value);
    else hash.update(fn.hash);
  }
  return hash.digest("hex");
}

function addValue(hash: Hash, value: Encoded): void {
  if (value instanceof Uint8Array) hash.update("bytes").update(value);
  else if (typeof value !== "object" || value === null) hash.update(`${typeof value} ${Object.is(value, -0) ? "-0" : String(value)}`);
  else {
    addValue(hash, value.bytes);
    for (const buffer of value.buffers) hash.update(new Uint8Array(buffer));
  }
}
