import { shellQuote } from "../../data/shell-quoting.js";

/** Whatever the prefix makes of the command; it is started once, and may start it several times. */
export function wrappedLines(line: string, prefix: string | readonly string[]): string {
  const words = typeof prefix === "string" ? prefix.trim() : prefix.map(shellQuote).join(" ");
  return `${words} ${line}\n`;
}
