import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs `caraway` with these words, as a person would, and waits for its end. */
export async function caraway(words: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = root): Promise<Ended> {
  const child = spawn(process.execPath, [join(root, "bin/caraway.js"), ...words], { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const exit = once(child, "exit") as Promise<[number | null]>;
  const [[code], out, err] = await Promise.all([exit, text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

/** A directory that is gone after the test. */
export async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "caraway-acceptance-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
