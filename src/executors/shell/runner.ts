import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { setRef, unref } from "./guardian.js";
import { CommandStream } from "./output.js";
import { RUNNER_SCRIPT } from "./scripts.js";

/** A bash that says more than this about one job has gone wrong; without a bound its complaints would fill the host's memory. */
const MOST_NOTICES = 500;

/** How a command ended: bash's status, and whether a signal is behind it. */
export interface RunnerStatus {
  readonly status: number;
  readonly signalled: boolean;
  readonly stderrTail: string;
}

/** The command that a runner works on. */
export interface RunnerJob {
  /** The shell code, asked for once the runner is ready. */
  readonly code: string;
  readonly capture: boolean;
  /** The runner is about to take the code: pipes have to be open now. */
  starting(capturePipe: string): void;
  started(pid: number): void;
  ended(status: RunnerStatus): void;
  /** The runner itself ended, with what it and the system said. */
  lost(reason: string): void;
}

export interface RunnerOptions {
  readonly bash: string;
  readonly directory: string;
  readonly number: number;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** It takes no more commands. */
  readonly gone: (runner: Runner) => void;
}

/** One bash process that runs one command after the other; see {@link RUNNER_SCRIPT} for what the two say to each other. */
export class Runner {
  readonly pid: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly #child: ChildProcess;
  readonly #pipes: string;
  readonly #secret = randomBytes(12).toString("hex");
  readonly #gone: (runner: Runner) => void;
  #phase: "starting" | "ready" | "ending" | "gone" = "starting";
  #pipe: Socket | undefined;
  #job: RunnerJob | undefined;
  #stream: CommandStream | undefined;
  /** bash has said what there is to say about the job. */
  #checked = false;
  #jobs = 0;
  #text = "";
  #notices: string[] = [];
  #tainted = false;

  constructor({ bash, directory, number, env, cwd, gone }: RunnerOptions) {
    this.env = env;
    this.cwd = cwd;
    this.#gone = gone;
    this.#pipes = join(directory, String(number));
    this.#child = spawn(bash, ["-p", "-c", RUNNER_SCRIPT, "caraway-runner", this.#pipes], { detached: true, cwd, env, stdio: ["pipe", "pipe", "ignore"] });
    this.pid = this.#child.pid;
    this.#child.on("error", (error) => this.#lost(error.message));
    this.#child.on("exit", (code, signal) => this.#lost(signal ?? `exit code ${code}`));
    this.#child.stdin?.on("error", (error) => this.#notices.push(error.message));
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => this.#read(text));
    unref(this.#child);
  }

  /** Whether it would take another command. */
  get usable(): boolean {
    return !this.#tainted && (this.#phase === "starting" || this.#phase === "ready");
  }

  /** Starts a command; a runner has at most one. */
  run(job: RunnerJob): void {
    this.#job = job;
    this.#jobs += 1;
    this.#stream = undefined;
    this.#checked = false;
    this.#keepAlive(true);
    if (this.#phase === "ready") this.#send(job);
  }

  /** Takes a command back that it has not begun; answers whether that was so. */
  withdraw(job: RunnerJob): boolean {
    if (this.#phase !== "starting" || this.#job !== job) return false;
    this.#job = undefined;
    this.#keepAlive(false);
    return true;
  }

  /** Leaves the current command's group to the host: the runner will not kill it when the command's shell has ended. */
  leaveGroup(): void {
    this.#child.stdin?.write("kill\n");
  }

  /** It may hold a pipe that a process which left its command still writes to: never use it again. */
  taint(): void {
    this.#tainted = true;
  }

  /** Ends it now; its job is lost. */
  destroy(): void {
    this.taint();
    this.#child.kill("SIGKILL");
  }

  /** Ends it once it has nothing to do. */
  end(): void {
    if (this.#phase === "gone") return;
    this.#phase = "ending";
    this.#child.stdin?.end();
  }

  #send(job: RunnerJob): void {
    const mark = `${this.#secret}.${this.#jobs}.`;
    const started = (pid: number): void => this.#started(pid);
    this.#stream = new CommandStream({ mark, started });
    try {
      job.starting(`${this.#pipes}.out`);
    } catch (error) {
      this.#giveUp(job, error);
      return;
    }
    const { code } = job;
    this.#child.stdin?.write(`${code.length} ${mark} ${job.capture ? "capture" : "-"}\n${code}`);
  }

  /** Its pipes cannot be used (somebody removed them, or there are too many open files): the job is lost, later, as its caller expects. */
  #giveUp(job: RunnerJob, error: unknown): void {
    this.#job = undefined;
    this.#keepAlive(false);
    this.taint();
    setImmediate(() => job.lost(String(error)));
  }

  #read(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    if (this.#notices.length < MOST_NOTICES && this.#text.length < MOST_NOTICES * 80) return;
    this.#notices.length = 5;
    this.destroy();
  }

  #line(line: string): void {
    if (line === "ready") this.#ready();
    else if (line === "checked") {
      this.#checked = true;
      this.#settle();
    } else this.#notices.push(line);
  }

  #started(pid: number): void {
    this.#job?.started(pid);
  }

  #ready(): void {
    this.#phase = this.#phase === "ending" ? "ending" : "ready";
    try {
      this.#pipe = new Socket({ fd: openSync(`${this.#pipes}.err`, constants.O_RDONLY | constants.O_NONBLOCK), readable: true, writable: false });
    } catch (error) {
      this.#notices.push(String(error));
      this.destroy();
      return;
    }
    this.#pipe.on("data", (chunk) => this.#readStream(chunk));
    this.#pipe.on("error", (error) => this.#notices.push(error.message));
    this.#keepAlive(this.#job !== undefined);
    if (this.#job !== undefined) this.#send(this.#job);
  }

  #readStream(chunk: Buffer): void {
    if (this.#stream === undefined) this.#tainted = true;
    else {
      this.#stream.push(chunk);
      this.#tainted ||= this.#stream.strayed;
      this.#settle();
    }
  }

  #settle(): void {
    const [job, stream, status] = [this.#job, this.#stream, this.#stream?.status];
    if (job === undefined || stream === undefined || status === undefined || (status !== 0 && !this.#checked)) return;
    const signalled = tellsOfSignal(status, this.#notices);
    this.#job = undefined;
    this.#notices.length = 0;
    this.#keepAlive(false);
    job.ended({ status, signalled, stderrTail: stream.text() });
  }

  #lost(reason: string): void {
    if (this.#phase === "gone") return;
    this.#phase = "gone";
    this.#pipe?.destroy();
    const job = this.#job;
    this.#job = undefined;
    this.#gone(this);
    job?.lost([reason, ...this.#notices].join("; "));
  }

  #keepAlive(alive: boolean): void {
    setRef(this.#child.stdout, alive);
    setRef(this.#pipe, alive);
  }
}

/** bash's notice on a job ends with its code: `Killed ( eval …` where a signal ended it, `Exit 137 ( eval …` where it did so itself. */
function tellsOfSignal(status: number, notices: readonly string[]): boolean {
  const aboutJobs = notices.filter((notice) => notice.includes("( eval "));
  return status > 128 && aboutJobs.length > 0 && !aboutJobs.some((notice) => new RegExp(`\\b${status}\\s+\\( eval `).test(notice));
}
