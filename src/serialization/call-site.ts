import { findSourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** A place in the user's code; line and column from 1. */
export interface CallSite {
  /** Path or file URL, as the runtime calls it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

const home = new URL("../../", import.meta.url);
const ownCode = ["dist/", "src/"].flatMap((folder) => {
  const url = new URL(folder, home);
  return url.protocol === "file:" ? [url.href, fileURLToPath(url)] : [url.href];
});

/** Where caraway was called from: the first frame that is neither its own nor Node's. Undefined where none can be told. */
export function callSite(): CallSite | undefined {
  try {
    const frame = frames(callSite).find(isOutside);
    return frame === undefined ? undefined : placeOf(frame);
  } catch {
    return undefined; // A frozen Error, or one that somebody else replaced.
  }
}

function isOutside(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  return typeof file === "string" && file !== "" && !file.startsWith("node:") && frame.getLineNumber() !== null && !ownCode.some((own) => file.startsWith(own));
}

/** The stack as objects. How stacks are made is put back exactly as it was. */
function frames(below: () => unknown): readonly NodeJS.CallSite[] {
  const before = (["prepareStackTrace", "stackTraceLimit"] as const).map((key) => [key, Object.getOwnPropertyDescriptor(Error, key)] as const);
  const holder: { stack?: unknown } = {};
  try {
    Object.defineProperty(Error, "prepareStackTrace", { value: (_: unknown, stack: NodeJS.CallSite[]) => stack, configurable: true, writable: true });
    Object.defineProperty(Error, "stackTraceLimit", { value: 60, configurable: true, writable: true, enumerable: true });
    Error.captureStackTrace(holder, below);
    return Array.isArray(holder.stack) ? (holder.stack as NodeJS.CallSite[]) : [];
  } finally {
    for (const [key, descriptor] of before) {
      if (descriptor === undefined) Reflect.deleteProperty(Error, key);
      else Object.defineProperty(Error, key, descriptor);
    }
  }
}

/** The place as written by the user: compilers that run in this process (tsx, vitest) know the way back. */
function placeOf(frame: NodeJS.CallSite): CallSite {
  const raw = { file: frame.getFileName() ?? "", line: frame.getLineNumber() ?? 1, column: frame.getColumnNumber() ?? 1 };
  return byPreparedStack(frame, raw) ?? bySourceMap(raw) ?? raw;
}

function byPreparedStack(frame: NodeJS.CallSite, raw: CallSite): CallSite | undefined {
  const prepare: unknown = Reflect.get(Error, "prepareStackTrace");
  if (typeof prepare !== "function") return undefined;
  try {
    const text = Reflect.apply(prepare, Error, [ new Error("call site"), [frame]]) as unknown;
    const match = typeof text === "string" ? /^ +at (?:.*\()?(.+?):(\d+):(\d+)\)?$/m.exec(text) : null;
    return match === null || pathLike(match[1] ?? "") !== pathLike(raw.file) ? undefined : { file: raw.file, line: Number(match[2]), column: Number(match[3]) };
  } catch {
    return undefined; // The program's own function for stacks failed.
  }
}

function bySourceMap({ file, line, column }: CallSite): CallSite | undefined {
  const origin = findSourceMap(file)?.findOrigin(line, column);
  return origin !== undefined && "lineNumber" in origin ? { file, line: origin.lineNumber, column: origin.columnNumber } : undefined;
}

const pathLike = (file: string): string => (file.startsWith("file:") ? fileURLToPath(file) : file);
