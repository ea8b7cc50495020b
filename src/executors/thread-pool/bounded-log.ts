import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** A file for what nobody has asked for: the newest of it, at most so many bytes, in it and in the one before it (`.1`). Made when there is something to write. */
export class BoundedLog {
  private fd: number | undefined;
  private size = 0;
  /** Bytes that are in neither file any more. */
  dropped = 0;
  private before = 0;

  constructor(
    private readonly path: string,
    private readonly most = 8 * 1024 * 1024,
  ) {}

  /** Never throws: what cannot be written is dropped, and counted. */
  write(chunk: string | Uint8Array): void {
    const all = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    const half = Math.floor(this.most / 2);
    const bytes = all.length > half ? all.subarray(all.length - half) : all;
    this.dropped += all.length - bytes.length;
    try {
      if (this.fd === undefined) this.open("a");
      if (this.size > 0 && this.size + bytes.length > half) this.turn();
      this.put(bytes);
    } catch {
      this.dropped += bytes.length;
    }
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private open(flags: "a" | "w"): void {
    mkdirSync(dirname(this.path), { recursive: true });
    this.fd = openSync(this.path, flags, 0o600);
    this.size = fstatSync(this.fd).size;
  }

  private put(bytes: Uint8Array): void {
    this.size += writeSync(this.fd as number, bytes);
  }

  private turn(): void {
    this.dropped += this.before;
    this.before = this.size;
    this.close();
    renameSync(this.path, `${this.path}.1`);
    this.open("w");
    if (this.dropped > 0) this.put(Buffer.from(`[${this.dropped} bytes before were dropped]\n`));
  }
}
