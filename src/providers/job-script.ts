import { inSingleQuotes, shellQuote } from "../data/shell-quoting.js";
import { launchLines, type Launch } from "./launchers/launch.js";
import type { LauncherDescriptor } from "../config/launchers.js";

/** What a job's script is made of. */
export interface JobScript {
  readonly name: string;
  /** What the scheduler reads: one directive each, without the line's end. */
  readonly directives?: readonly string[];
  /** Set and exported before anything else. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly workerInit?: string | undefined;
  readonly launcher: LauncherDescriptor;
  readonly launch: Launch;
}

/**
 * The bash script of a job: variables, what prepares the node, then what the launcher makes of the command, whose exit code is the job's.
 * Told to end, it begins nothing any more, and what it has begun is given the time to end by itself.
 */
export function jobScript({ name, directives = [], environment = {}, workerInit, launcher, launch }: JobScript): string {
  const variables = Object.entries(environment).map(([key, value]) => `export ${key}=${value.includes("\n") ? inSingleQuotes(value) : shellQuote(value)}\n`);
  const begin = ["#!/bin/bash\n", ...directives.map((line) => `${line}\n`), `# ${name}\n`];
  return [...begin, ...variables, ...(workerInit === undefined ? [] : ["trap 'exit 143' TERM\n", `${workerInit}\n`]), "trap : TERM\n", launchLines(launcher, launch)].join("");
}

/** Names of jobs are those of files, of shell words and of every scheduler. */
export const isJobName = (name: string): boolean => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/.test(name);

/** Names that a shell can export. */
export const isVariableName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
