/** Words that bash would take for its own where a command begins. */
const RESERVED = new Set(["if", "then", "elif", "else", "fi", "time", "for", "in", "until", "while", "do", "done", "case", "esac", "coproc", "select", "function"]);

/** The text as one word of bash: bare where that is safe, else in single quotes. */
export function shellQuote(text: string): string {
  if (/^[A-Za-z0-9_/.,:@%+-][A-Za-z0-9_/.,:@%+=-]*$/.test(text) && !/^[A-Za-z_][A-Za-z0-9_]*\+?=/.test(text) && !RESERVED.has(text)) return text;
  return inSingleQuotes(text);
}

export function inSingleQuotes(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

type Place = "plain" | "double" | "single" | "ansi" | "comment" | "brace";

/**
 * Follows bash's quoting through the literal parts of a command, to tell whether an interpolation stands inside quotes. Where it cannot
 * tell (here-documents, backquotes, `case` inside a substitution, quotes inside `${…}`) it says so by answering "no".
 */
export class QuoteScanner {
  readonly #stack: Place[] = ["plain"];
  #lost = false;
  #wordStart = true;

  get insideQuotes(): boolean {
    const place = this.#stack.at(-1);
    return !this.#lost && (place === "double" || place === "single" || place === "ansi");
  }

  read(text: string): void {
    for (let at = 0; at < text.length && !this.#lost; ) at += this.#step(text, at);
  }

  /** A value stands here: what follows does not begin a word. */
  readValue(): void {
    this.#wordStart = false;
  }

  /** Reads one token; answers its length. */
  #step(text: string, at: number): number {
    const place = this.#stack.at(-1);
    const character = text[at] ?? "";
    const wordStart = this.#wordStart;
    this.#wordStart = /[\s;&|()<>]/.test(character);
    if (place === "single") return this.#closing(character, "'");
    if (place === "comment") return this.#closing(character, "\n");
    if (character === "\\") return 2;
    if (place === "ansi") return this.#closing(character, "'");
    if (character === "`") return this.#lose();
    if (text.startsWith("$(", at)) return this.#open("plain", 2);
    if (text.startsWith("${", at)) return this.#open("brace", 2);
    if (place === "brace") return character === '"' || character === "'" ? this.#lose() : this.#closing(character, "}");
    if (character === '"') return place === "double" ? this.#closing(character, '"') : this.#open("double", 1);
    return place === "double" ? 1 : this.#plain(text, at, wordStart);
  }

  #plain(text: string, at: number, wordStart: boolean): number {
    const character = text[at];
    if (text.startsWith("$'", at)) return this.#open("ansi", 2);
    if (character === "'") return this.#open("single", 1);
    if (character === "#" && wordStart) return this.#open("comment", 1);
    if (text.startsWith("<<<", at)) return 3;
    if (text.startsWith("<<", at)) return this.#lose();
    if (this.#stack.length > 1 && wordStart && /^case\s/.test(text.slice(at, at + 5))) return this.#lose();
    if (character === "(" && this.#stack.length > 1) return this.#open("plain", 1);
    if (character === ")" && this.#stack.length > 1) this.#stack.pop();
    return 1;
  }

  #open(place: Place, length: number): number {
    this.#stack.push(place);
    this.#wordStart = place === "plain";
    return length;
  }

  #closing(character: string, end: string): number {
    if (character === end) {
      this.#stack.pop();
      this.#wordStart = end === "\n";
    }
    return 1;
  }

  #lose(): number {
    this.#lost = true;
    return 1;
  }
}
