import { visibleWidth } from "./progress-style.js";

/** The part of a terminal's stream that is used. */
export interface ScreenStream {
  readonly columns?: number | undefined;
  readonly write: (chunk: string | Uint8Array, ...rest: never[]) => boolean;
}

/** How long a block may stay away after somebody printed, in milliseconds: prints in a row are one redraw. */
const settle = 20;

/**
 * A block of lines that stays below everything else that is printed.
 * What others write to the streams goes above it; it is drawn in one write, over itself. It changes no mode of the terminal,
 * so there is nothing to restore when the program dies under it: the block stays as it was and the cursor is below it.
 */
export class ProgressScreen {
  private drawn: readonly string[] = [];
  private wanted: readonly string[] = [];
  /** Somebody else's line is open: the block waits for its end. */
  private midLine = false;
  private timer: NodeJS.Timeout | undefined;
  private readonly restore: (() => void)[];

  /** `out` takes the block; writes to it and to the others are watched. */
  constructor(
    private readonly out: ScreenStream,
    others: readonly ScreenStream[] = [],
  ) {
    this.restore = [...new Set([out, ...others])].map((stream) => this.watch(stream));
  }

  /** Shows these lines instead of those before. Each has to fit the terminal's width. */
  show(lines: readonly string[]): void {
    this.wanted = lines;
    if (this.midLine || (this.drawn.length === lines.length && lines.every((line, i) => line === this.drawn[i]))) return;
    const body = lines.map((line) => `${line}\u001B[K\n`).join("");
    this.own(`${synchronized.begin}${this.back()}${body}\u001B[J${synchronized.end}`);
    this.drawn = lines;
  }

  /** Prints text above the block. */
  print(text: string): void {
    const lines = this.wanted;
    this.erase();
    this.own(this.midLine ? `\n${text}` : text);
    this.midLine = false;
    this.show(lines);
  }

  /** Takes the block away and lets the streams alone again. */
  close(): void {
    clearTimeout(this.timer);
    this.erase();
    for (const undo of this.restore) undo();
  }

  private erase(): void {
    if (this.drawn.length === 0) return;
    this.own(`${this.back()}\u001B[J`);
    this.drawn = [];
  }

  /** To the first line of the block, however the terminal has wrapped it since. */
  private back(): string {
    const columns = Math.max(1, this.out.columns ?? 80);
    const height = this.drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(visibleWidth(line) / columns)), 0);
    return height === 0 ? "" : `\u001B[${height}A\r`;
  }

  private writing = false;

  private own(text: string): void {
    this.writing = true;
    try {
      this.out.write(text);
    } finally {
      this.writing = false;
    }
  }

  private watch(stream: ScreenStream): () => void {
    const before = Object.getOwnPropertyDescriptor(stream, "write");
    const original = stream.write;
    let active = true;
    const watched = (chunk: string | Uint8Array, ...rest: never[]): boolean => {
      if (!active || this.writing) return original.call(stream, chunk, ...rest);
      this.erase();
      const answer = original.call(stream, chunk, ...rest);
      const last = chunk.at(-1);
      if (last !== undefined) this.midLine = last !== "\n" && last !== 10;
      this.timer ??= setTimeout(() => this.redraw(), settle).unref();
      return answer;
    };
    Object.defineProperty(stream, "write", { value: watched, configurable: true, writable: true });
    return () => {
      active = false;
      // Somebody may have wrapped ours in the meantime: then it stays, and hands everything on.
      if (stream.write !== watched) return;
      if (before === undefined) Reflect.deleteProperty(stream, "write");
      else Object.defineProperty(stream, "write", before);
    };
  }

  private redraw(): void {
    this.timer = undefined;
    this.show(this.wanted);
  }
}

/** Terminals that know it show what is between at once; the others ignore it. */
const synchronized = { begin: "\u001B[?2026h", end: "\u001B[?2026l" } as const;
