import { spawn } from "node:child_process";

/** How a command of a scheduler ended. */
export interface CommandOutcome {
  /** `"exited"`; `"hanging"`: it was killed at its deadline; `"killed"`: by something else; `"flooding"`: it was killed since it wrote too much; `"missing"`: it was never started. */
  readonly end: "exited" | "hanging" | "killed" | "flooding" | "missing";
  /** Of one that exited. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly deadlineMs: number;
  readonly environment: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Default 32 MiB. */
  readonly mostBytes?: number;
}

/** How long after its end the output of a command is read that something else holds open, in milliseconds. */
const lastWords = 300;

/** Runs a command of a scheduler in a process group of its own, which is killed as a whole at the deadline. Never rejects. */
export function runCommand(command: string, args: readonly string[], { deadlineMs, environment, cwd, mostBytes = 2 ** 25 }: CommandOptions): Promise<CommandOutcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], env: environment, ...(cwd === undefined ? {} : { cwd }) });
    const chunks = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let [size, over] = [0, false];
    const finish = (end: CommandOutcome["end"], code?: number, note = ""): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      if (end === "hanging" || end === "flooding") killGroup(child.pid);
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      resolve({ end, code, stdout: Buffer.concat(chunks.stdout).toString(), stderr: Buffer.concat(chunks.stderr).toString() + note });
    };
    let timer = setTimeout(() => finish("hanging"), deadlineMs);
    for (const name of ["stdout", "stderr"] as const) {
      child[name].on("data", (chunk: Buffer) => {
        chunks[name].push(chunk);
        size += chunk.length;
        if (size > mostBytes) finish("flooding");
      });
      child[name].on("error", () => undefined); // what it could still say is lost; its exit says the rest
    }
    child.on("error", (error) => finish("missing", undefined, error.message));
    const ended = (code: number | null): void => finish(code === null ? "killed" : "exited", code ?? undefined);
    // What it has started may hold its output open: then its own end is what counts, and what is there to read soon after.
    child.on("exit", (code) => {
      clearTimeout(timer);
      timer = setTimeout(() => ended(code), lastWords);
    });
    child.on("close", ended);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    return; // it has just ended
  }
}
