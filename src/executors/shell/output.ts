import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { resolve } from "node:path";
import { BadCommandOutput, BadStdStreamFile } from "../../errors/index.js";

export interface StreamTarget {
  readonly path: string;
  readonly mode: "append" | "truncate";
}

/** At most this much of stderr is kept. */
export const TAIL_BYTES = 4096;
/** At most this much of stdout can be a result. */
export const MAX_CAPTURED_BYTES = 64 * 1024 * 1024;

/** A stdout or stderr file that could be opened, and where this command's part of it begins. */
export interface OpenedTarget {
  readonly path: string;
  readonly from: number;
}

/** Creates or truncates the file as asked; throws {@link BadStdStreamFile} with the path and the reason. */
export function openTarget(stream: "stdout" | "stderr", target: StreamTarget): OpenedTarget {
  const path = resolve(target.path);
  const { O_WRONLY, O_CREAT, O_APPEND, O_TRUNC, O_NONBLOCK } = constants;
  try {
    const fd = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | (target.mode === "truncate" ? O_TRUNC : 0), 0o666);
    const from = fstatSync(fd).size;
    closeSync(fd);
    return { path, from };
  } catch (cause) {
    throw badFile(stream, path, cause);
  }
}

function badFile(stream: string, path: string, cause: unknown): BadStdStreamFile {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BadStdStreamFile("CW-APP-005", `The ${stream} file ${path} could not be written: ${reason}.`, { cause, evidence: { stream, path, reason }, where: { file: path } });
}

/** The last lines of what was written to a file since it was opened. */
export function tailOfFile({ path, from }: OpenedTarget): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const { size } = fstatSync(fd);
    const start = Math.max(size < from ? 0 : from, size - TAIL_BYTES);
    const buffer = Buffer.alloc(size - start);
    const read = readSync(fd, buffer, 0, buffer.length, start);
    return lastLines(buffer.subarray(0, read), start > from);
  } catch (error) {
    return `(${path} could not be read: ${error instanceof Error ? error.message : String(error)})`;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Text of the end of an output; where its beginning was cut off, it begins with a whole line. */
export function lastLines(bytes: Buffer, cut: boolean): string {
  const newline = cut ? bytes.indexOf(0x0a) : -1;
  return (newline < 0 || newline === bytes.length - 1 ? bytes : bytes.subarray(newline + 1)).toString("utf8");
}

/** The mark of one command in its runner's stream, and who is told of what follows it. */
export interface MarkReader {
  readonly mark: string;
  started(pid: number): void;
}

/** Takes a runner's stream apart: what the runner says behind the command's mark, and the end of what the command wrote to stderr. */
export class CommandStream {
  readonly #mark: Buffer;
  readonly #reader: MarkReader;
  #kept: Buffer = Buffer.alloc(0);
  #dropped = false;
  #started = false;
  /** The exit status, once told; all that the command wrote before its end has come then. */
  status: number | undefined;
  /** Something came after the end: a process that left its command behind still writes. */
  strayed = false;

  constructor(reader: MarkReader) {
    this.#reader = reader;
    this.#mark = Buffer.from(reader.mark);
  }

  push(chunk: Buffer): void {
    if (this.status !== undefined) {
      this.strayed = true;
      return;
    }
    this.#kept = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    while (!this.#over()) {
      const at = this.#kept.indexOf(this.#mark);
      const end = at < 0 ? -1 : this.#kept.indexOf(0x0a, at);
      if (at < 0) this.#trim(this.#kept.length);
      if (end < 0) return;
      this.#told(at, end);
    }
  }

  text(): string {
    const cut = this.#kept.length > TAIL_BYTES;
    return lastLines(cut ? this.#kept.subarray(-TAIL_BYTES) : this.#kept, cut || this.#dropped);
  }

  #over(): boolean {
    return this.status !== undefined;
  }

  #told(at: number, end: number): void {
    const number = Number(this.#kept.toString("latin1", at + this.#mark.length, end));
    if (this.#started) {
      this.status = number;
      this.strayed = this.#kept.length > end + 1;
      this.#trim(at);
    } else {
      this.#started = true;
      this.#kept = at === 0 ? this.#kept.subarray(end + 1) : Buffer.concat([this.#kept.subarray(0, at), this.#kept.subarray(end + 1)]);
      this.#reader.started(number);
    }
  }

  /** Keeps what may still be needed of the first `length` bytes: the tail, and a mark that has come in part. */
  #trim(length: number): void {
    const from = Math.max(0, length - TAIL_BYTES - this.#mark.length);
    this.#dropped ||= from > 0;
    if (from > 0 || length < this.#kept.length) this.#kept = this.#kept.subarray(from, length);
  }
}

/** Reads stdout from a named pipe until every writer has ended; where a file was asked for too, writes it there on the way. */
export class Capture {
  readonly #chunks: Buffer[] = [];
  readonly #socket: Socket;
  readonly #copy: number | undefined;
  #bytes = 0;
  ended = false;
  error: BadCommandOutput | BadStdStreamFile | undefined;

  /** `changed` is called when the output has ended, and when it became an error. */
  constructor(pipe: string, copyTo: OpenedTarget | undefined, private readonly changed: () => void) {
    this.#copy = copyTo === undefined ? undefined : openSync(copyTo.path, "a");
    this.#socket = new Socket({ fd: openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
    this.#socket.on("data", (chunk) => this.#take(chunk, copyTo));
    this.#socket.on("error", () => this.#end());
    this.#socket.on("end", () => this.#end());
  }

  text(): string {
    return Buffer.concat(this.#chunks, this.#bytes).toString("utf8");
  }

  close(): void {
    if (!this.ended) this.#end();
    this.#socket.destroy();
    if (this.#copy !== undefined) closeSync(this.#copy);
  }

  #take(chunk: Buffer, copyTo: OpenedTarget | undefined): void {
    if (this.error !== undefined) return;
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
    try {
      if (this.#copy !== undefined) writeSync(this.#copy, chunk);
    } catch (cause) {
      this.#refuse(badFile("stdout", copyTo?.path ?? "", cause));
    }
    if (this.#bytes > MAX_CAPTURED_BYTES) {
      this.#refuse(new BadCommandOutput("CW-APP-012", "The command printed more than 64 MiB, which is too much for a result.", { hint: "Write it to a file that is an output of the task.", evidence: { limit: MAX_CAPTURED_BYTES } }));
    }
  }

  #refuse(error: BadCommandOutput | BadStdStreamFile): void {
    this.error = error;
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.changed();
  }

  #end(): void {
    this.ended = true;
    this.changed();
  }
}
