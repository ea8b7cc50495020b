import { basename, extname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { InvalidOption, NotYetSupported } from "../errors/index.js";

/** What a {@link DataFile} is in JSON: a path where it is local, a URL elsewhere. */
export type DataFileJSON = { readonly scheme: "file"; readonly path: string } | { readonly scheme: string; readonly url: string };

/** The name of a file: where it is, not what is in it. Immutable; equal to another with the same URL. */
export class DataFile {
  /** `file` for local ones, else the scheme of the URL. */
  readonly scheme: string;
  readonly url: string;
  /** The last part of the path: `words.sorted.txt`. */
  readonly name: string;
  /** The name without its extension: `words.sorted`. */
  readonly stem: string;
  /** The extension with its dot: `.txt`; empty where there is none. */
  readonly ext: string;
  readonly #path: string | undefined;

  /** Use {@link file}. A local path has to be absolute. */
  constructor(scheme: string, location: string) {
    this.scheme = scheme;
    this.#path = scheme === "file" ? location : undefined;
    this.url = scheme === "file" ? pathToFileURL(location).href : location;
    this.name = basename(this.#path ?? decodeURIComponent(new URL(location).pathname));
    this.ext = extname(this.name);
    this.stem = basename(this.name, this.ext);
    Object.freeze(this);
  }

  /** The absolute local path; throws `NotYetSupported` for a remote file. */
  get path(): string {
    if (this.#path === undefined) throw new NotYetSupported("CW-CONF-002", `${this.url} has no local path: files with the scheme "${this.scheme}" come later.`, { hint: "Fetch it in a task of its own and use the local copy.", evidence: { url: this.url } });
    return this.#path;
  }

  equals(other: unknown): boolean {
    return other instanceof DataFile && other.url === this.url;
  }

  /** The path; for a remote file its URL. */
  toString(): string {
    return this.#path ?? this.url;
  }

  toJSON(): DataFileJSON {
    return this.#path === undefined ? { scheme: this.scheme, url: this.url } : { scheme: "file", path: this.#path };
  }
}

/** A file by its path (relative ones are resolved against the working directory, now) or its URL. */
export function file(pathOrUrl: string | URL): DataFile {
  const text = pathOrUrl instanceof URL ? pathOrUrl.href : pathOrUrl;
  if (typeof text !== "string" || text === "" || text.includes("\0")) {
    throw new InvalidOption("CW-APP-011", "file() takes a path or a URL, which is a text that is not empty and has no NUL character.", { hint: 'Write file("words.txt").', evidence: { given: String(pathOrUrl) } });
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined && !(pathOrUrl instanceof URL)) return new DataFile("file", resolve(text));
  if (scheme === "file") return new DataFile("file", localPath(text));
  if (scheme === undefined || !URL.canParse(text)) throw new InvalidOption("CW-APP-011", `file() cannot use the URL ${text}.`, { hint: "Give a path, or a URL such as https://host/name.", evidence: { given: text } });
  return new DataFile(scheme, text);
}

function localPath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new InvalidOption("CW-APP-011", `file() cannot use the URL ${url}: ${cause instanceof Error ? cause.message : String(cause)}.`, { hint: "Write file:///path, or the path alone.", cause });
  }
}

/** Several outputs by a pattern: comes later. */
export function glob(pattern: string): never {
  return notYet("glob", pattern);
}

/** A whole directory as one input or output: comes later. */
export function directory(path: string | URL): never {
  return notYet("directory", path);
}

/** An output that a task may leave out: comes later. */
export function optional(output: DataFile | string | URL): never {
  return notYet("optional", output);
}

function notYet(name: string, given: unknown): never {
  throw new NotYetSupported("CW-CONF-002", `${name}() is not supported yet.`, { hint: "Name each file with file().", evidence: { given: String(given) } });
}

/** How a {@link DataFile} travels: as its path or URL, whichever it has. */
export const dataFileCodec = {
  name: "caraway.DataFile",
  class: DataFile,
  encode: (value: DataFile): string => value.url,
  decode: (url: unknown): DataFile => file(String(url)),
} as const;
