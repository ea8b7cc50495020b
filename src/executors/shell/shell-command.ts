import { constants } from "node:os";
import { type BadCommandOutput, type BadStdStreamFile, type CarawayError, WorkerLost } from "../../errors/index.js";
import { Capture, type OpenedTarget, tailOfFile } from "./output.js";
import { type Belonging, processesOf, signalled } from "./process-table.js";
import type { Runner, RunnerJob, RunnerStatus } from "./runner.js";

/** What a command came to. Times are `performance.timeOrigin + performance.now()`. */
export interface ShellOutcome {
  /** The shell's exit code; null where a signal ended it, or where it never ran. */
  code: number | null;
  signal: string | null;
  /** With `capture`: all it printed. */
  stdout?: string;
  /** The last lines of stderr, at most 4 KiB. */
  stderrTail: string;
  startedAt: number;
  endedAt: number;
  /** It could not be started, printed too much, or was lost with its runner. */
  error?: CarawayError;
  /** Processes of the command that did not end when killed. */
  survivors?: number[];
}

/** How long output is awaited that a process which left its command keeps open. */
const DRAIN_MS = 100;
/** What setTimeout can count. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const POLL_MS = 20;
/** How long processes may take to end by SIGKILL (they may be inside the kernel) before they are reported as survivors. */
const GIVE_UP_MS = 2000;

export interface ShellCommandOptions {
  readonly code: string;
  readonly capture: boolean;
  readonly stdout: OpenedTarget | undefined;
  readonly stderr: OpenedTarget | undefined;
  readonly host: string;
  readonly task: string;
  readonly onStarted: ((pid: number) => void) | undefined;
  /** Called once, when the command is over. */
  readonly over: (command: ShellCommand, outcome: ShellOutcome) => void;
}

export const now = (): number => performance.timeOrigin + performance.now();

/** One command on its runner, from its start to the end of its last process. */
export class ShellCommand implements RunnerJob {
  pid: number | undefined;
  readonly capture: boolean;
  readonly runner: Runner;
  readonly #options: ShellCommandOptions;
  #startedAt = now();
  #phase: "starting" | "running" | "ending" | "over" = "starting";
  #capture: Capture | undefined;
  #ended: RunnerStatus | undefined;
  #error: WorkerLost | BadCommandOutput | BadStdStreamFile | undefined;
  /** Set by `kill`: when what is left of the command gets SIGKILL. */
  #killAt: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Since SIGKILL, looks at what is left: a count, so that a stall of this process is not held against the command's. */
  #looks = 0;

  constructor(runner: Runner, options: ShellCommandOptions) {
    this.runner = runner;
    this.capture = options.capture;
    this.#options = options;
  }

  get code(): string {
    return this.#options.code;
  }

  /** SIGTERM to the group, SIGKILL after the grace; `over` follows when nothing is left of it. A second call can only shorten the grace. */
  kill(graceMs = 200): void {
    if (this.#phase === "over") return;
    const killAt = now() + graceMs;
    if (this.#killAt !== undefined && this.#killAt <= killAt) return;
    if (this.#killAt === undefined && this.#phase === "running") this.runner.leaveGroup();
    this.#killAt = killAt;
    clearTimeout(this.#timer);
    if (this.#phase === "running") this.#signal();
    else if (this.#phase === "ending") this.#endGroup();
    else if (this.runner.withdraw(this)) setImmediate(() => this.#settle([]));
    else this.#timer = setTimeout(() => this.runner.destroy(), Math.min(graceMs + GIVE_UP_MS, LONGEST_TIMER_MS));
  }

  #signal(): void {
    if (this.pid === undefined || this.#killAt === undefined) return;
    const group = -this.pid;
    const left = this.#killAt - now();
    signalled(group, left <= 0 ? "SIGKILL" : "SIGTERM");
    clearTimeout(this.#timer);
    if (left > 0) this.#timer = setTimeout(() => this.#signal(), Math.min(left, LONGEST_TIMER_MS));
    else this.#timer = setTimeout(() => this.runner.destroy(), GIVE_UP_MS);
  }

  starting(capturePipe: string): void {
    this.#startedAt = now();
    if (this.#options.capture) this.#capture = new Capture(capturePipe, this.#options.stdout, () => this.#captureChanged());
  }

  started(pid: number): void {
    this.pid = pid;
    this.#phase = "running";
    if (this.#killAt !== undefined) {
      this.runner.leaveGroup();
      this.#signal();
    }
    this.#options.onStarted?.(pid);
  }

  ended(status: RunnerStatus): void {
    if (this.#phase === "over") return;
    this.#ended = status;
    this.#end();
  }

  lost(reason: string): void {
    if (this.#phase === "over") return;
    if (this.#killAt === undefined) this.#error ??= new WorkerLost("CW-EXEC-001", `The process that runs shell commands ended under this one (${reason}).`, { evidence: { reason } });
    this.#killAt = Math.min(this.#killAt ?? Infinity, now());
    this.#signal();
    this.#end();
  }

  #captureChanged(): void {
    if (this.#capture?.error !== undefined && this.#error === undefined) {
      this.#error = this.#capture.error;
      this.kill(0);
    }
    if (this.#phase === "ending" && this.#killAt === undefined && this.#capture?.ended === true) this.#settle([]);
  }

  /** The shell has ended; now the rest. */
  #end(): void {
    this.#phase = "ending";
    clearTimeout(this.#timer);
    if (this.#killAt !== undefined) this.#endGroup();
    else if (this.#capture === undefined || this.#capture.ended) this.#settle([]);
    else this.#timer = setTimeout(() => setImmediate(() => this.#abandonOutput()), DRAIN_MS);
  }

  /** A process that left the command keeps its stdout open. What the command itself wrote has been read: it was in the pipe when its end was told, and the event loop has been round since. */
  #abandonOutput(): void {
    if (this.#killAt === undefined) this.#settle([]);
  }

  /** What its processes wrote is in the pipe: it is read when the event loop has polled once more, which two turns of `setImmediate` make sure of. */
  #settleWithOutput(survivors: number[]): void {
    if (this.#capture === undefined || this.#capture.ended) this.#settle(survivors);
    else setImmediate(() => setImmediate(() => this.#settle(survivors)));
  }

  /** After a kill: waits for the grace, then kills until none is left. */
  #endGroup(): void {
    if (this.#phase === "over") return;
    clearTimeout(this.#timer);
    const { host, task } = this.#options;
    const belonging: Belonging = { group: this.pid, host, task };
    const left = processesOf(belonging);
    const due = now() >= (this.#killAt ?? 0);
    if (due) this.#looks += 1;
    if (left.length === 0 || this.#looks * POLL_MS > GIVE_UP_MS) {
      this.#settleWithOutput(left);
      return;
    }
    if (due) for (const pid of left) signalled(pid, "SIGKILL");
    this.#timer = setTimeout(() => this.#endGroup(), POLL_MS);
  }

  #settle(survivors: number[]): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    clearTimeout(this.#timer);
    if (this.#capture !== undefined && !this.#capture.ended) this.runner.taint();
    this.#capture?.close();
    this.#options.over(this, this.#outcome(survivors));
  }

  #outcome(survivors: number[]): ShellOutcome {
    const { stderr } = this.#options;
    const status = this.#ended?.status;
    const killed = this.#killAt !== undefined && (status === 128 + constants.signals.SIGTERM || status === 128 + constants.signals.SIGKILL);
    const signal = status !== undefined && (killed || this.#ended?.signalled === true) ? signalName(status - 128) : null;
    const outcome: ShellOutcome = {
      code: signal === null ? (status ?? null) : null,
      signal,
      stderrTail: stderr === undefined ? (this.#ended?.stderrTail ?? "") : tailOfFile(stderr),
      startedAt: this.#startedAt,
      endedAt: now(),
    };
    if (this.#capture !== undefined && this.#error === undefined) outcome.stdout = this.#capture.text();
    if (this.#error !== undefined) outcome.error = this.#error;
    if (survivors.length > 0) outcome.survivors = survivors;
    return outcome;
  }
}

function signalName(number: number): string | null {
  for (const [name, value] of Object.entries(constants.signals)) if (value === number) return name;
  return null;
}
