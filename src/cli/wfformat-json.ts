/** One token of JSON (RFC 8259): a mark, a string, or a number or word. */
const token = /[ \t\n\r]*(?:(?<mark>[{}[\],:])|(?<string>"(?:[^"\\\u0000-\u001F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(?<plain>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

type Wanted = "value" | "value or ]" | "key" | "key or }" | "colon" | "comma or end" | "nothing";

/** Where a text stops being JSON; its length where it only ends too early. Node tells that for some faults only. */
export function jsonFaultAt(text: string): number {
  const open: ("{" | "[")[] = [];
  let wanted: Wanted = "value";
  let at = 0;
  const startOf = (from: number): number => from + (/^[ \t\n\r]*/.exec(text.slice(from))?.[0].length ?? 0);
  while (startOf(at) < text.length) {
    token.lastIndex = at;
    const groups = token.exec(text)?.groups;
    const next: Wanted | undefined = groups === undefined ? undefined : after(wanted, groups["mark"], groups["string"] !== undefined, open);
    if (next === undefined) return startOf(at);
    wanted = next;
    at = token.lastIndex;
  }
  return text.length;
}

/** What is wanted after a token, keeping what is open; undefined for a token that is out of place. */
function after(wanted: Wanted, mark: string | undefined, isString: boolean, open: ("{" | "[")[]): Wanted | undefined {
  const value = wanted === "value" || wanted === "value or ]";
  const closed = (): Wanted => (open.length === 0 ? "nothing" : "comma or end");
  if (mark === undefined) return value ? closed() : isString && (wanted === "key" || wanted === "key or }") ? "colon" : undefined;
  if (value && (mark === "{" || mark === "[")) {
    open.push(mark);
    return mark === "{" ? "key or }" : "value or ]";
  }
  if (mark === ":") return wanted === "colon" ? "value" : undefined;
  if (mark === ",") return wanted !== "comma or end" ? undefined : open.at(-1) === "{" ? "key" : "value";
  const ends = mark === "}" ? "{" : mark === "]" ? "[" : undefined;
  if (ends === undefined || open.at(-1) !== ends || !(wanted === "comma or end" || wanted === (ends === "{" ? "key or }" : "value or ]"))) return undefined;
  open.pop();
  return closed();
}
