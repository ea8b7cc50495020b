import type { AppCode } from "../executors/executor.js";
import type { CallSite } from "../serialization/function-source.js";
import type { AppDefinition, Body } from "./app-definition.js";
import { nameAtCall } from "./app-name.js";

let lastKey = 0;

export interface DefinitionParts {
  readonly kind: AppDefinition["kind"];
  /** What made it: `app`, `bashApp`, … */
  readonly maker: string;
  /** Empty where the function has none. */
  readonly name: string;
  readonly code?: AppCode;
  readonly body?: Body;
  readonly source?: Body;
  readonly site: CallSite | undefined;
}

/** What an app is. Its name, where it takes reading the program's text, is found out when it is first asked for. */
export class Definition implements AppDefinition {
  readonly key = ++lastKey;
  readonly kind: AppDefinition["kind"];
  readonly code: AppCode | undefined;
  readonly body: Body | undefined;
  readonly source: Body | undefined;
  readonly site: CallSite | undefined;
  readonly turn: number;
  expected = -1;
  private known: string | undefined;
  private readonly maker: string;

  constructor({ kind, maker, name, code, body, source, site }: DefinitionParts) {
    this.kind = kind;
    this.code = code;
    this.body = body;
    this.source = source;
    this.site = site;
    this.maker = maker;
    this.known = name === "" ? undefined : name;
    this.turn = body === undefined ? 0 : nextTurn(site, body);
  }

  get name(): string {
    return (this.known ??= nameAtCall(this.site, this.maker));
  }
}

const turns = new Map<string, number>();

function nextTurn(site: CallSite | undefined, body: Body): number {
  const key = site === undefined ? String(body) : `${site.file}:${site.line}:${site.column}`;
  const turn = (turns.get(key) ?? 0) + 1;
  turns.set(key, turn);
  return turn;
}
