import { stripVTControlCharacters } from "node:util";

/** What a terminal can show. */
export interface Look {
  /** How wide a line may be. */
  readonly columns: number;
  /** How many lines there may be. */
  readonly rows: number;
  readonly color: boolean;
}

const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const;

export type Paint = keyof typeof codes;

/** Text in a colour, where colours are wanted. */
export function paint(look: Pick<Look, "color">, how: Paint, text: string): string {
  const [on, off] = codes[how];
  return look.color && text !== "" ? `\u001B[${on}m${text}\u001B[${off}m` : text;
}

/** How many columns a text takes; colours take none. Wide characters are not expected here. */
export const visibleWidth = (text: string): number => text.replace(/\p{Cc}\[[0-9;]*m/gu, "").length;

/** The text in at most so many columns, with an ellipsis where something was cut; colours are closed. */
export function fit(text: string, columns: number): string {
  if (visibleWidth(text) <= columns) return text;
  let [room, kept, painted] = [columns - 1, "", false];
  for (const piece of text.split(/(\p{Cc}\[[0-9;]*m)/u)) {
    if (piece.startsWith("\u001B[")) {
      kept += piece;
      painted = true;
    } else if (room > 0) {
      kept += piece.slice(0, room);
      room -= piece.length;
    }
  }
  return columns < 1 ? "" : `${kept}…${painted ? "\u001B[0m" : ""}`;
}

/** One line of text: no control characters that would move the cursor. */
export function oneLine(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{Cc}+/gu, " ").trim();
}

/** A span of time as people write it: 43 ms, 1.2 s, 12 s, 3 m 20 s, 2 h 5 m. */
export function spanText(ms: number): string {
  if (ms < 1) return ms <= 0 ? "0 ms" : "<1 ms";
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds) / 60;
  if (minutes < 60) return `${Math.floor(minutes)} m ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${Math.floor(minutes) % 60} m`;
}

/** A rate with as many digits as mean something. */
export const rateText = (perSecond: number): string => `${perSecond >= 10 ? Math.round(perSecond).toLocaleString("en-US") : perSecond.toFixed(1)}/s`;

export const countText = (n: number): string => n.toLocaleString("en-US");

/** `1 task`, `2 tasks`. */
export const plural = (n: number, one: string, many = `${one}s`): string => `${countText(n)} ${n === 1 ? one : many}`;
