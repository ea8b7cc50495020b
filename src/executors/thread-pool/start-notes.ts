import { openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Claims } from "./claims.js";
import type { Fate } from "./host.js";

const noteBytes = 8;

/**
 * Where each worker of a process notes which of its tasks it has begun, so that this is known when the process has died by
 * whatever means. A file without a name, in memory where there is such a place: nothing of it can be left behind.
 *
 * A note is one double: twice the number of the task in its worker's order, plus one where it has ended.
 */
export function makeNotes(): number {
  const path = join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), `caraway-${process.pid}-${crypto.randomUUID()}`);
  const fd = openSync(path, "wx+", 0o600);
  unlinkSync(path);
  return fd;
}

export function clearNote(fd: number, lane: number): void {
  writeSync(fd, new Uint8Array(noteBytes), 0, noteBytes, lane * noteBytes);
}

/**
 * The fate of the tasks of a lane whose process has died, by their place in its order (from 1). Where what is there is no note, one of them
 * has written over it: so it had begun, and nobody can say which it was.
 */
export function readFates(fd: number, lane: number): (order: number) => Fate {
  const read = new Float64Array(1);
  readSync(fd, new Uint8Array(read.buffer), 0, noteBytes, lane * noteBytes);
  const [note = 0] = read;
  if (!Number.isSafeInteger(note) || note < 0) return () => "started";
  const last = Math.floor(note / 2);
  const lastHasEnded = note % 2 === 1;
  return (order) => (order > last ? "unclaimed" : order === last && !lastHasEnded ? "started" : "ended");
}

/** Claim words that are also noted, by a single write, before a task's code begins. */
export class NotedClaims extends Claims {
  private readonly note = new Float64Array(1);
  private readonly bytes = new Uint8Array(this.note.buffer);
  private order = 0;
  private unsaid = false;

  constructor(
    buffer: SharedArrayBuffer,
    private readonly fd: number,
    private readonly lane: number,
  ) {
    super(buffer);
  }

  override start(slot: number, now: number): boolean {
    this.order++;
    if (!super.start(slot, now)) return false;
    this.write(this.order * 2);
    return true;
  }

  /** The next start says that this one has ended; where none follows, `rest` does. */
  override end(slot: number): void {
    this.unsaid = true;
    super.end(slot);
  }

  override rest(): void {
    if (this.unsaid) this.write(this.order * 2 + 1);
  }

  private write(note: number): void {
    this.unsaid = false;
    this.note[0] = note;
    writeSync(this.fd, this.bytes, 0, noteBytes, this.lane * noteBytes);
  }
}
