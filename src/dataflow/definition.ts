import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { AppCode } from "../executors/executor.js";
import type { CallSite } from "../serialization/function-source.js";
import type { AppDefinition, Body } from "./app-definition.js";
import { nameAtCall, placeOf } from "./app-name.js";
import { parameterNames } from "./parameters.js";

let lastKey = 0;

export interface DefinitionParts {
  readonly kind: AppDefinition["kind"];
  /** What made it: `app`, `bashApp`, … */
  readonly maker: string;
  /** Empty where the function has none. */
  readonly name: string;
  readonly code?: AppCode;
  readonly body?: Body;
  /** The function as the user gave it, for the names of its parameters. */
  readonly source?: Body;
  readonly site: CallSite | undefined;
}

/** What an app is. What takes reading files is found out when it is first asked for. */
export class Definition implements AppDefinition {
  readonly key = ++lastKey;
  readonly kind: AppDefinition["kind"];
  readonly code: AppCode | undefined;
  readonly body: Body | undefined;
  expected = -1;
  private known: string | undefined;
  private parameterList: readonly string[] | undefined;
  private readonly turn: number;

  constructor(private readonly parts: DefinitionParts) {
    this.kind = parts.kind;
    this.code = parts.code;
    this.body = parts.body;
    this.known = parts.name === "" ? undefined : parts.name;
    this.turn = parts.body === undefined ? 0 : nextTurn(parts.site, parts.body);
  }

  get name(): string {
    return (this.known ??= nameAtCall(this.parts.site, this.parts.maker));
  }

  get place(): string | undefined {
    const { site } = this.parts;
    return site === undefined ? undefined : placeOf(site);
  }

  parameters(): readonly string[] {
    const { source } = this.parts;
    return (this.parameterList ??= source === undefined ? [] : parameterNames(source));
  }

  /**
   * A shipped function is its source, what goes along with it, and the file its imports resolve from; a module's function is the
   * module's text. A closure that runs beside the kernel is its source and which of those made at its place it is: what it
   * encloses cannot be seen.
   */
  identity(): string {
    const { code } = this;
    if (code?.kind === "function") return `function:${code.shipped.hash}:${code.shipped.file}`;
    if (code?.kind === "module") return `module:${code.url}#${code.name}:${contentOf(code.url)}`;
    return `${this.origin()}:${this.turn}`;
  }

  private origin(): string {
    const { kind, site, body } = this.parts;
    return `${kind}:${site === undefined ? "" : `${site.file}:${site.line}:${site.column}:`}${String(body)}`;
  }
}

const turns = new Map<string, number>();

function nextTurn(site: CallSite | undefined, body: Body): number {
  const key = site === undefined ? String(body) : `${site.file}:${site.line}:${site.column}`;
  const turn = (turns.get(key) ?? 0) + 1;
  turns.set(key, turn);
  return turn;
}

const contents = new Map<string, { readonly mark: string; readonly hash: string }>();

function contentOf(url: string): string {
  if (!url.startsWith("file:")) return "";
  try {
    const path = fileURLToPath(url);
    const { size, mtimeMs } = statSync(path);
    const mark = `${size}:${mtimeMs}`;
    let known = contents.get(url);
    if (known?.mark !== mark) contents.set(url, (known = { mark, hash: process.getBuiltinModule("node:crypto").createHash("sha256").update(readFileSync(path)).digest("hex") }));
    return known.hash;
  } catch {
    return "missing"; // The call says so itself when it runs.
  }
}
