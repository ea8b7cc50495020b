/** As much of a terminal as progress uses: text, line feeds, cursor up, erasing, wrapping at the last column. */
export class ScreenEmulator {
  readonly isTTY = true;
  readonly rows = 24;
  /** Everything that was written, a string for each write. */
  readonly writes: string[] = [];
  private readonly lines: string[] = [""];
  private x = 0;
  private y = 0;

  constructor(public columns = 80) {}

  write(chunk: string | Uint8Array): boolean {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    this.writes.push(text);
    for (const token of text.match(/\p{Cc}\[\??[\d;]*[A-Za-z]|[^]/gu) ?? []) this.take(token);
    return true;
  }

  /** What is on the screen, without the empty lines at its end. */
  get screen(): string[] {
    return this.lines.map((line) => line.trimEnd()).join("\n").trimEnd().split("\n");
  }

  /** Where the cursor is: column, and line from the top. */
  get cursor(): [number, number] {
    return [this.x, this.y];
  }

  private take(token: string): void {
    if (token === "\r") this.x = 0;
    else if (token === "\n") [this.x, this.y] = [0, this.y + 1];
    else if (token.length === 1) this.put(token);
    else this.control(token.slice(2));
    while (this.lines.length <= this.y) this.lines.push("");
  }

  private put(character: string): void {
    if (this.x >= this.columns) [this.x, this.y] = [0, this.y + 1];
    while (this.lines.length <= this.y) this.lines.push("");
    const line = (this.lines[this.y] ?? "").padEnd(this.x);
    this.lines[this.y] = line.slice(0, this.x) + character + line.slice(this.x + 1);
    this.x++;
  }

  private control(sequence: string): void {
    const count = Number.parseInt(sequence, 10) || 1;
    const here = this.lines[this.y] ?? "";
    if (sequence.endsWith("A")) this.y = Math.max(0, this.y - count);
    else if (sequence === "K") this.lines[this.y] = here.slice(0, this.x);
    else if (sequence === "J") this.lines.splice(this.y, Infinity, here.slice(0, this.x));
    else if (!/[mhl]$/.test(sequence)) throw new Error(`the emulator knows no ${JSON.stringify(sequence)}`);
  }
}
