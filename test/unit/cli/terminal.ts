import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { main } from "#internal/cli/main";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in this process and keeps what it wrote. */
export async function caraway(words: readonly string[], cwd = process.cwd()): Promise<Ran> {
  let [out, err] = ["", ""];
  const code = await main(words, { out: (text) => void (out += text), err: (text) => void (err += text) }, cwd);
  return { code, out, err };
}

/** A directory that is gone after the test. */
export async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "caraway-cli-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export const bin = new URL("../../../bin/caraway.js", import.meta.url).pathname;
