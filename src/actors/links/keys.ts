import { randomBytes } from "node:crypto";
import { lstat, mkdir, open, readdir, unlink, type FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";
import { inspect } from "node:util";
import { KeyRefused } from "../../errors/index.js";
import { checkOwnerAndMode, codeOf, openPrivate, refused } from "./private-file.js";

const keyBytes = 32;
const suffix = ".key";
/** Identities are file names, and travel in the clear. */
const identityForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A secret that two ends of a link share. It shows itself to nobody who does not ask for its bytes by name. */
export class SecretKey {
  readonly #bytes: Buffer;

  constructor(
    readonly identity: string,
    bytes: Uint8Array,
  ) {
    this.#bytes = Buffer.from(bytes);
  }

  /** The secret itself, a copy: for the handshake and nothing else. */
  reveal(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Overwrites it; what is revealed from then on opens nothing. */
  destroy(): void {
    randomBytes(keyBytes).copy(this.#bytes);
  }

  toJSON(): string {
    return this.toString();
  }

  toString(): string {
    return `[key of ${this.identity}]`;
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** Where a listener looks up whom it knows. */
export interface KeyRing {
  find(identity: string): SecretKey | undefined;
}

/**
 * The keys of a run: a directory 0700 with one file 0600 for each identity. Whatever is looser, belongs to someone else, is a link or has another size
 * is refused with `KeyRefused`, and so is what was put there in another way.
 */
export class KeyStore implements KeyRing {
  private readonly keys = new Map<string, SecretKey>();

  private constructor(readonly directory: string) {}

  /** Makes the directory where there is none, and loads the keys that are in it. */
  static async open(directory: string): Promise<KeyStore> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await checkDirectory(directory);
    const store = new KeyStore(directory);
    for (const name of await readdir(directory)) {
      if (!name.endsWith(suffix)) continue;
      const key = await readKey(join(directory, name));
      store.keys.set(key.identity, key);
    }
    return store;
  }

  /** Reads one key, of the identity its file is named for. */
  static async load(path: string): Promise<SecretKey> {
    await checkDirectory(join(path, ".."));
    return await readKey(path);
  }

  get identities(): readonly string[] {
    return [...this.keys.keys()];
  }

  find(identity: string): SecretKey | undefined {
    return this.keys.get(identity);
  }

  pathOf(identity: string): string {
    return join(this.directory, `${identity}${suffix}`);
  }

  /** A new key, on disk before this resolves. One that is there already is never overwritten. */
  async create(identity: string): Promise<{ readonly key: SecretKey; readonly path: string }> {
    if (!identityForm.test(identity)) throw new KeyRefused("CW-LINK-004", `${JSON.stringify(identity)} cannot be the name of a key.`, { evidence: { reason: "bad-identity", identity }, hint: "Use letters, digits, dots, dashes and underscores, 64 at most, with a letter or a digit first." });
    await checkDirectory(this.directory);
    const path = this.pathOf(identity);
    const secret = randomBytes(keyBytes);
    await writeKey(path, secret);
    const key = new SecretKey(identity, secret);
    secret.fill(0);
    this.keys.set(identity, key);
    return { key, path };
  }

  /** Forgets a key and removes its file. What is connected by it stays so: that is the listener's to end. */
  async revoke(identity: string): Promise<void> {
    const key = this.keys.get(identity);
    this.keys.delete(identity);
    key?.destroy();
    if (!identityForm.test(identity)) return;
    await unlink(this.pathOf(identity)).catch((error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
    });
  }
}

async function writeKey(path: string, secret: Uint8Array): Promise<void> {
  let file: FileHandle;
  try {
    file = await open(path, "wx", 0o600);
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause;
    throw refused("exists", path, "is there already, and keys are not overwritten", "Revoke it first, or choose another identity.");
  }
  try {
    await file.chmod(0o600);
    await file.writeFile(secret);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readKey(path: string): Promise<SecretKey> {
  const identity = basename(path, suffix);
  if (!path.endsWith(suffix) || !identityForm.test(identity)) throw refused("bad-identity", path, `is not named for an identity, as in "block-1${suffix}"`, "Give the path that KeyStore.create answered.");
  const file = await openPrivate(path);
  try {
    const bytes = Buffer.alloc(keyBytes + 1);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    if (bytesRead !== keyBytes) throw refused("wrong-size", path, `does not hold the ${keyBytes} bytes of a key`, "It was cut or overwritten: revoke the identity and create it again.");
    const key = new SecretKey(identity, bytes.subarray(0, keyBytes));
    bytes.fill(0);
    return key;
  } finally {
    await file.close();
  }
}

async function checkDirectory(path: string): Promise<void> {
  const stats = await lstat(path).catch((cause: unknown) => {
    throw refused("missing", path, `cannot be looked at (${codeOf(cause)})`, "Check the path, and that both machines see the same file system.");
  });
  if (stats.isSymbolicLink()) throw refused("symbolic-link", path, "is a symbolic link", "Give the directory itself.");
  checkOwnerAndMode(path, stats, 0o700);
}
