/** One thing that is wrong with a document, and where. */
export interface DocumentProblem {
  /** `workflow.specification.tasks[3].parents[0]`; for bad JSON `line 3, column 7`. */
  readonly place: string;
  readonly message: string;
}

type Plain = Readonly<Record<string, unknown>>;

/** Reads a value of unknown shape, noting what is not as expected with its place. */
export class Reader {
  readonly problems: DocumentProblem[] = [];

  note(place: string, message: string): void {
    this.problems.push({ place, message });
  }

  /** A member that has to be an object; undefined, and noted, where it is none. */
  object(of: Plain | undefined, key: string, place: string): Plain | undefined {
    if (of === undefined) return undefined;
    const value = of[key];
    if (isPlain(value)) return value;
    this.note(join(place, key), value === undefined ? "is missing" : `must be an object, but is ${describe(value)}`);
    return undefined;
  }

  /** The objects of a list. */
  objects(of: Plain | undefined, key: string, place: string, needed: boolean): { readonly value: Plain; readonly place: string }[] {
    return this.list(of, key, place, needed).flatMap(({ value, place: at }) => {
      if (isPlain(value)) return [{ value, place: at }];
      this.note(at, `must be an object, but is ${describe(value)}`);
      return [];
    });
  }

  strings(of: Plain, key: string, place: string): { readonly value: string; readonly place: string }[] {
    return this.list(of, key, place, false).flatMap(({ value, place: at }) => {
      if (typeof value === "string") return [{ value, place: at }];
      this.note(at, `must be a string, but is ${describe(value)}`);
      return [];
    });
  }

  string(of: Plain, key: string, place: string): string | undefined {
    const value = of[key];
    if (typeof value === "string" && value !== "") return value;
    this.note(join(place, key), value === undefined ? "is missing" : `must be a string that is not empty, but is ${describe(value)}`);
    return undefined;
  }

  /** A number from 0 up; 0, and noted, where it is none. */
  amount(of: Plain, key: string, place: string): number {
    const value = of[key];
    if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
    this.note(join(place, key), value === undefined ? "is missing" : `must be a number from 0 up, but is ${describe(value)}`);
    return 0;
  }

  private list(of: Plain | undefined, key: string, place: string, needed: boolean): { readonly value: unknown; readonly place: string }[] {
    const value = of?.[key];
    if (Array.isArray(value)) return value.map((member: unknown, i) => ({ value: member, place: `${join(place, key)}[${i}]` }));
    if (of !== undefined && (needed || value !== undefined)) this.note(join(place, key), value === undefined ? "is missing" : `must be a list, but is ${describe(value)}`);
    return [];
  }
}

export const isPlain = (value: unknown): value is Plain => value !== null && typeof value === "object" && !Array.isArray(value);

const join = (place: string, key: string): string => (place === "" ? key : `${place}.${key}`);

export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = value === undefined ? "undefined" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const mostTold = 20;

/** All problems as text: one on the line, more as a list. */
export function problemsText(problems: readonly DocumentProblem[]): string {
  const lines = problems.slice(0, mostTold).map(({ place, message }) => `${place} ${message}`);
  if (lines.length === 1) return lines[0] ?? "";
  const more = problems.length - lines.length;
  return `${problems.length} problems:\n${lines.map((line) => `  - ${line}`).join("\n")}${more > 0 ? `\n  and ${more} more` : ""}`;
}
