import type { LauncherDescriptor } from "../../config/launchers.js";
import { shellQuote } from "../../data/shell-quoting.js";
import { BadLauncher } from "../../errors/index.js";
import { simpleLines } from "./simple.js";
import { singleLines } from "./single.js";
import { srunLines } from "./srun.js";
import { wrappedLines } from "./wrapped.js";

/** What is started on how much. */
export interface Launch {
  /** The command of one manager: words, which are not read by a shell. */
  readonly command: readonly string[];
  readonly nodes: number;
  readonly tasksPerNode: number;
  /** Where it is known. */
  readonly coresPerNode?: number | undefined;
}

/**
 * The lines of bash by which a launcher starts a command on the nodes of a job. Where they can tell, managers see which one they are, from
 * 0, in `CARAWAY_NODE_INDEX`. The exit code is 0 where that of all of them is, else one of the others.
 *
 * @throws BadLauncher where there is nothing to start, or what cannot be an argument.
 */
export function launchLines(launcher: LauncherDescriptor, launch: Launch): string {
  const { command, nodes, tasksPerNode } = launch;
  if (command.length === 0) throw refused(launcher, "there is no command to start", launch);
  const bad = command.find((word) => word.includes("\0"));
  if (bad !== undefined) throw refused(launcher, `an argument has a zero character: ${JSON.stringify(bad)}`, launch);
  for (const count of [nodes, tasksPerNode]) if (!Number.isInteger(count) || count < 1) throw refused(launcher, `it cannot start a command on ${nodes} nodes, ${tasksPerNode} on each`, launch);
  return linesOf(launcher, command.map(shellQuote).join(" "), launch);
}

function linesOf(launcher: LauncherDescriptor, line: string, launch: Launch): string {
  switch (launcher.kind) {
    case "single":
      if (launch.nodes * launch.tasksPerNode > 1) throw refused(launcher, `it starts one manager, and ${launch.nodes * launch.tasksPerNode} are wanted`, launch);
      return singleLines(line);
    case "simple":
      return simpleLines(line, launch.nodes * launch.tasksPerNode);
    case "wrapped":
      return wrappedLines(line, launcher.prefix);
    case "srun":
      return srunLines(line, launch, launcher.options ?? []);
  }
}

function refused({ kind }: LauncherDescriptor, why: string, { command, nodes, tasksPerNode }: Launch): BadLauncher {
  return new BadLauncher("CW-BLOCK-005", `the launcher ${kind}() cannot be used: ${why}`, { evidence: { launcher: kind, command, nodes, tasksPerNode } });
}
