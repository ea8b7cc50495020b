import { randomBytes } from "node:crypto";
import { mkdtempSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CarawayError, KernelClosed, ShellStartFailed } from "../../errors/index.js";
import { Guardian, whyNone } from "./guardian.js";
import { openTarget, type StreamTarget } from "./output.js";
import { Runner } from "./runner.js";
import { environmentChanges, shellCode } from "./shell-code.js";
import { now, ShellCommand, type ShellOutcome } from "./shell-command.js";

/** A command as `/bin/bash -c` takes it, and where its output goes. stdin is empty. */
export interface ShellSpec {
  readonly command: string;
  /** `set -euo pipefail` before the command. */
  readonly strict: boolean;
  readonly cwd?: string;
  /** Added to the host's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Thrown away unless given or captured. */
  readonly stdout?: StreamTarget;
  /** Only its tail is kept unless given. */
  readonly stderr?: StreamTarget;
  /** stdout is the result; a file given as `stdout` gets it too. */
  readonly capture: boolean;
  /** In the environment of every process of the command, as `CARAWAY_TASK`; by it they are found when killed. Unique on this host, without `:`. */
  readonly token: string;
  /** The command has a process; commands of which this was never called did nothing. */
  readonly onStarted?: (pid: number) => void;
}

export interface RunningShell {
  /** The process and process group of the command, once it has started. */
  readonly pid: number | undefined;
  /** SIGTERM to the group, SIGKILL after the grace (200 ms; 0 is SIGKILL at once), then SIGKILL to whatever still carries the task's token. */
  kill(signalGraceMs?: number): void;
}

export interface ShellHostOptions {
  /** The bash that runs commands; at least 4.2. */
  readonly bash?: string;
  /** In the environment of every process, as `CARAWAY_HOST`; by it they are found. By default one is made up. */
  readonly token?: string;
}

/**
 * Runs shell commands that die with this process.
 *
 * A command's processes end with its shell: what it left in its process group in the background is killed. A process that made a
 * session of its own (`setsid`) stays until the host is closed or gone, or the command is killed before it has ended.
 */
export class ShellHost {
  readonly #bash: string;
  readonly #token: string;
  readonly #outer = { CARAWAY_HOST: process.env["CARAWAY_HOST"], CARAWAY_TASK: process.env["CARAWAY_TASK"] };
  readonly #running = new Set<ShellCommand>();
  readonly #idle: Runner[] = [];
  readonly #runners = new Set<Runner>();
  #guardian: Guardian | undefined;
  #directory = "";
  #started = 0;
  #closing: Promise<void> | undefined;
  #allOver: (() => void) | undefined;

  constructor(options: ShellHostOptions = {}) {
    this.#bash = options.bash ?? "/bin/bash";
    this.#token = options.token ?? `caraway-${process.pid}-${randomBytes(9).toString("hex")}`;
  }

  /** Commands that are not over. */
  get active(): number {
    return this.#running.size;
  }

  /** The process that guards the commands, once there is one. */
  get guardianPid(): number | undefined {
    return this.#guardian?.pid;
  }

  /** Starts a command. `onExit` is called exactly once, never before this returns. */
  run(spec: ShellSpec, onExit: (outcome: ShellOutcome) => void): RunningShell {
    try {
      if (this.#closing !== undefined) throw new KernelClosed("CW-KERN-001", "Shell commands are no longer taken here: the host was closed.");
      return this.#start(spec, onExit);
    } catch (error) {
      const at = now();
      const reason = error instanceof CarawayError ? error : new ShellStartFailed("CW-APP-014", `A shell command could not be started: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
      setImmediate(() => onExit({ code: null, signal: null, stderrTail: "", startedAt: at, endedAt: at, error: reason }));
      return { pid: undefined, kill: () => undefined };
    }
  }

  /** From now on every process that carries this host's token ends with the host, whoever started it. Answers whether that is so. */
  guard(): boolean {
    try {
      if (this.#closing === undefined) this.#guarded().start();
      return this.#closing === undefined;
    } catch {
      return false; // there is no bash: they end when they are killed one by one
    }
  }

  /** Kills what runs, ends every process that carries this host's token, and the guardian last. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #start(spec: ShellSpec, onExit: (outcome: ShellOutcome) => void): RunningShell {
    const cwd = directoryOf(spec);
    const stdout = spec.stdout === undefined ? undefined : openTarget("stdout", spec.stdout);
    const stderr = spec.stderr === undefined ? undefined : openTarget("stderr", spec.stderr);
    const runner = this.#takeRunner(cwd);
    try {
      const code = shellCode({
        bash: this.#bash,
        command: spec.command,
        strict: spec.strict,
        cwd: cwd === runner.cwd ? undefined : cwd,
        stdout: spec.capture ? undefined : stdout?.path,
        stderr: stderr?.path,
        env: environmentChanges(runner.env, this.#additions(spec)),
      });
      const over = (command: ShellCommand, outcome: ShellOutcome): void => this.#over(command, outcome, onExit);
      const command = new ShellCommand(runner, { code, stdout, stderr, capture: spec.capture, host: this.#token, task: spec.token, onStarted: spec.onStarted, over });
      this.#running.add(command);
      runner.run(command);
      return command;
    } catch (error) {
      this.#idle.push(runner);
      throw error;
    }
  }

  #over(command: ShellCommand, outcome: ShellOutcome, onExit: (outcome: ShellOutcome) => void): void {
    this.#running.delete(command);
    const { runner } = command;
    if (runner.usable && this.#closing === undefined) this.#idle.push(runner);
    else runner.end();
    if (this.#running.size === 0) this.#allOver?.();
    onExit(outcome);
  }

  #guarded(): Guardian {
    this.#directory ||= mkdtempSync(join(tmpdir(), "caraway-shell-"));
    this.#guardian ??= new Guardian({ bash: this.#bash, token: this.#token, directory: this.#directory });
    return this.#guardian;
  }

  #takeRunner(cwd: string): Runner {
    for (let runner = this.#idle.pop(); runner !== undefined; runner = this.#idle.pop()) {
      if (runner.usable) return runner;
      runner.end();
    }
    const guardian = this.#guarded();
    const runner = new Runner({
      bash: this.#bash, directory: this.#directory, number: (this.#started += 1), env: { ...process.env, ...this.#additions() } as Record<string, string>, cwd,
      gone: (gone) => {
        this.#runners.delete(gone);
        if (gone.pid !== undefined) guardian.release(gone.pid);
      },
    });
    if (runner.pid === undefined) throw new ShellStartFailed("CW-APP-014", `${this.#bash} could not be started in ${cwd}${whyNone()}.`);
    this.#runners.add(runner);
    try {
      guardian.protect(runner.pid);
    } catch (error) {
      runner.end();
      throw error;
    }
    return runner;
  }

  /** What a command has in its environment beyond this process's; tokens are nested where this process is itself a command of another host. */
  #additions(spec?: ShellSpec): Record<string, string> {
    const { CARAWAY_HOST: outerHost, CARAWAY_TASK: outerTask } = this.#outer;
    const host = outerHost === undefined ? this.#token : `${outerHost}:${this.#token}`;
    if (spec === undefined) return { CARAWAY_HOST: host };
    return { ...spec.env, CARAWAY_HOST: host, CARAWAY_TASK: outerTask === undefined ? spec.token : `${outerTask}:${spec.token}` };
  }

  async #close(): Promise<void> {
    if (this.#running.size > 0) {
      const allOver = new Promise<void>((resolve) => (this.#allOver = resolve));
      for (const command of this.#running) command.kill(0);
      await allOver;
    }
    for (const runner of this.#runners) runner.end();
    await this.#guardian?.close();
    if (this.#directory !== "") await rm(this.#directory, { recursive: true, force: true });
  }
}

function directoryOf(spec: ShellSpec): string {
  const cwd = spec.cwd === undefined ? process.cwd() : resolve(spec.cwd);
  if (spec.cwd !== undefined && statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new ShellStartFailed("CW-APP-014", `The directory ${cwd}, where a shell command was to run, does not exist.`, { evidence: { cwd } });
  }
  return cwd;
}
