import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import type { Writable } from "node:stream";
import { ShellStartFailed } from "../../errors/index.js";
import { GUARDIAN_SCRIPT } from "./scripts.js";

/** Deaths of guardians that are answered by a new one, within {@link WINDOW_MS}. */
const MAX_RESTARTS = 20;
const WINDOW_MS = 10_000;

/** A tiny process of its own session that ends whatever its host leaves behind, however the host ends. Started when first needed, and again when killed. */
export class Guardian {
  readonly #protected = new Set<number>();
  readonly #deaths: number[] = [];
  #child: ChildProcess | undefined;
  #ending: Promise<unknown> | undefined;
  #lastError: unknown;
  /** It is there for more than the sessions of runners. */
  #wanted = false;

  constructor(private readonly options: { readonly bash: string; readonly token: string; readonly directory: string }) {}

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** From now on everything that carries the token ends with the host. Throws where no guardian can be started. */
  start(): void {
    this.#wanted = true;
    if (this.#child === undefined) this.#start();
  }

  /** From now on the session of this runner ends with the host. Throws where no guardian can be started. */
  protect(runner: number): void {
    this.#protected.add(runner);
    if (this.#child === undefined) this.#start();
    else this.#write(`+${runner}\n`);
  }

  release(runner: number): void {
    if (this.#protected.delete(runner)) this.#write(`-${runner}\n`);
  }

  /** Ends everything protected and everything that carries the token, then the guardian itself. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#ending ??= once(child, "exit");
    child.ref();
    child.stdin?.end();
    await this.#ending;
  }

  #start(): void {
    const { bash, token, directory } = this.options;
    const child = spawn(bash, ["-p", "-c", GUARDIAN_SCRIPT, "caraway-guardian", token, directory], {
      detached: true,
      cwd: "/",
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
      stdio: ["pipe", "ignore", "ignore"],
    });
    child.on("error", (error) => (this.#lastError = error));
    if (child.pid === undefined) throw new ShellStartFailed("CW-APP-014", `The process that guards shell commands could not be started with ${bash}.`, { cause: this.#lastError });
    child.stdin.on("error", (error) => (this.#lastError = error));
    child.on("exit", () => this.#ended(child));
    unref(child);
    this.#child = child;
    for (const runner of this.#protected) this.#write(`+${runner}\n`);
  }

  #ended(child: ChildProcess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#ending !== undefined || (this.#protected.size === 0 && !this.#wanted)) return;
    const now = performance.now();
    this.#deaths.push(now);
    while (this.#deaths[0] !== undefined && this.#deaths[0] < now - WINDOW_MS) this.#deaths.shift();
    if (this.#deaths.length <= MAX_RESTARTS) this.#start();
  }

  #write(line: string): void {
    this.#child?.stdin?.write(line);
  }
}

/** Lets the program end while the process lives. */
export function unref(child: ChildProcess): void {
  child.unref();
  // Without descriptors there are none, against what its type says.
  for (const stream of (child.stdio as ChildProcess["stdio"] | undefined) ?? []) setRef(stream, false);
}

/** Descriptors that a process with pipes to it takes, at most, while it is started. */
const needed = 8;

/** Words for why no process could be started, where this one has no descriptors left; Node says so only later. */
export function whyNone(): string {
  const files: number[] = [];
  try {
    while (files.length < needed) files.push(openSync("/dev/null", "r"));
    return "";
  } catch (error) {
    return `: ${(error as Error).message.split(",")[0]}`;
  } finally {
    for (const file of files) closeSync(file);
  }
}

/** Whether a stream keeps the program alive. */
export function setRef(stream: unknown, alive: boolean): void {
  const handle = stream as (Writable & { ref?: () => void; unref?: () => void }) | null | undefined;
  if (alive) handle?.ref?.();
  else handle?.unref?.();
}
