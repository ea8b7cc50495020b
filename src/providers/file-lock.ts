import { createHash, randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { factsOf } from "./local-processes.js";

/** Who holds a lock. */
export interface LockOwner {
  readonly pid: number;
  /** Of the process: pids are used again, a pid and its start are not. */
  readonly start: number;
  readonly host: string;
  /** Of the host: after a start of the machine nothing of before is alive. */
  readonly boot: string;
}

/** Another process holds the lock, or may hold it. */
export class LockedByOther extends Error {
  constructor(readonly owner: LockOwner) {
    super(`it is held by process ${owner.pid} of ${owner.host}`);
  }
}

/**
 * Takes a lock: a file that one process has. That of a process that is dead is taken over, by one: whoever finds it lays claim to it in a
 * file named for that dead owner, and only who has made that file, and then still sees the dead owner's lock, puts its own in its place.
 *
 * @throws LockedByOther where its owner lives, or is on another machine.
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  const own = `${path}.${process.pid}-${randomUUID()}`;
  await writeWhole(own, JSON.stringify({ ...(await thisProcess()), nonce: own }));
  try {
    while (!(await placed(own, path)) && !(await tookOver(own, path)));
  } finally {
    await rm(own, { force: true });
  }
  return () => rm(path, { force: true });
}

/** Puts a whole file in its place; answers whether the place was free. */
async function placed(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Answers false where the lock has changed hands meanwhile. */
async function tookOver(own: string, path: string): Promise<boolean> {
  const held = await contentOf(path);
  if (held === undefined) return false;
  const claims: string[] = [];
  for (let dead = held; ; ) {
    await refuseIfAlive(dead);
    const claim = `${path}.claim-${createHash("sha256").update(dead).digest("hex").slice(0, 16)}`;
    claims.push(claim);
    if (await placed(own, claim)) break;
    // Who has laid claim to it may be dead too: then its claim is taken over in the same way.
    const next = await contentOf(claim);
    if (next === undefined) return false;
    dead = next;
  }
  const still = (await contentOf(path)) === held;
  // A link to the same file would make the renaming do nothing.
  if (still) await replace(own, path);
  for (const claim of still ? claims : claims.slice(-1)) await rm(claim, { force: true });
  return still;
}

async function replace(own: string, path: string): Promise<void> {
  const copy = `${own}.new`;
  await writeWhole(copy, await readFile(own, "utf8"));
  await rename(copy, path);
}

async function refuseIfAlive(content: string): Promise<void> {
  const owner = ownerIn(content);
  if (owner === undefined) return;
  const here = await thisProcess();
  if (owner.host !== here.host) throw new LockedByOther(owner);
  const facts = factsOf(owner.pid);
  const alive = owner.boot === here.boot && (facts === undefined ? here.start === 0 && respondsTo(owner.pid) : facts.start === owner.start);
  if (alive) throw new LockedByOther(owner);
}

/** Where there is no `/proc` to look into. */
function respondsTo(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function thisProcess(): Promise<LockOwner> {
  const boot = await contentOf("/proc/sys/kernel/random/boot_id");
  return { pid: process.pid, start: factsOf(process.pid)?.start ?? 0, host: hostname(), boot: boot?.trim() ?? "" };
}

function ownerIn(content: string): LockOwner | undefined {
  try {
    const { pid, start, host, boot } = JSON.parse(content) as Record<keyof LockOwner, unknown>;
    return typeof pid === "number" && typeof start === "number" && typeof host === "string" && typeof boot === "string" ? { pid, start, host, boot } : undefined;
  } catch {
    return undefined;
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
}
