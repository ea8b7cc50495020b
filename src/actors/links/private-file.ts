import { constants, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { KeyRefused } from "../../errors/index.js";

/** Opens a file with a secret in it: one of this user's own, that nobody else can read, and no link. Throws `KeyRefused`. */
export async function openPrivate(path: string): Promise<FileHandle> {
  let file: FileHandle;
  try {
    // A pipe in its place does not hold us up.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === "ELOOP") throw refused("symbolic-link", path, "is a symbolic link", "Give the path of the file itself.");
    if (code === "ENOENT") throw refused("missing", path, "is not there", "Check the path, and that both machines see the same file system.");
    throw refused("unreadable", path, `cannot be opened (${code})`, "Check that it belongs to the user who runs this.");
  }
  try {
    checkOwnerAndMode(path, await file.stat(), 0o600);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The text of a file with a secret in it, where it is not longer than that. Throws `KeyRefused`. */
export async function readPrivate(path: string, most: number): Promise<string> {
  const file = await openPrivate(path);
  try {
    const { size } = await file.stat();
    if (size > most) throw refused("wrong-size", path, `has ${size} bytes, and ${most} is the most that such a file has`, "Check that it is the file that was meant.");
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** `most` is all it may be open to: the owner's bits of a file or of a directory. */
export function checkOwnerAndMode(path: string, stats: Stats, most: 0o600 | 0o700): void {
  const isDirectory = most === 0o700;
  if (isDirectory ? !stats.isDirectory() : !stats.isFile()) throw refused("wrong-kind", path, `is not a ${isDirectory ? "directory" : "plain file"}`, "Remove what is there, and create it again.");
  const user = process.getuid?.();
  if (user !== undefined && stats.uid !== user) throw refused("wrong-owner", path, `belongs to user ${stats.uid}, and this is user ${user}`, "Run as the user who owns it, or create one of your own.", { owner: stats.uid, user });
  const mode = stats.mode & 0o777;
  if ((mode & ~most) !== 0) throw refused("loose-permissions", path, `has permissions 0${mode.toString(8)}, and 0${most.toString(8)} is the most that is safe`, `chmod ${most.toString(8)} ${path}; if others could read it, replace what is in it: revoke a key and create it again.`, { mode: `0${mode.toString(8)}` });
}

export const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code);

export const refused = (reason: string, path: string, what: string, hint: string, evidence: Readonly<Record<string, unknown>> = {}): KeyRefused =>
  new KeyRefused("CW-LINK-004", `${path} ${what}.`, { where: { file: path }, evidence: { reason, path, ...evidence }, hint });
