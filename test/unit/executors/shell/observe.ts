import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { RunningShell, ShellHost, ShellOutcome, ShellSpec } from "#internal/executors/shell/index";

let tokens = 0;

/** A spec with a fresh token. */
export function spec(command: string, more: Partial<ShellSpec> = {}): ShellSpec {
  return { command, strict: true, capture: false, token: `test-${process.pid}-${(tokens += 1)}`, ...more };
}

/** Runs a command to its end. */
export function outcomeOf(host: ShellHost, command: string, more: Partial<ShellSpec> = {}): Promise<ShellOutcome> {
  return start(host, command, more).over;
}

export interface Started {
  readonly running: RunningShell;
  readonly started: Promise<number>;
  readonly over: Promise<ShellOutcome>;
  /** How often `onExit` was called. */
  exits: number;
  readonly token: string;
}

/** Starts a command and gives its milestones. */
export function start(host: ShellHost, command: string, more: Partial<ShellSpec> = {}): Started {
  let began: (pid: number) => void = () => undefined;
  let ended: (outcome: ShellOutcome) => void = () => undefined;
  const started = new Promise<number>((resolve) => (began = resolve));
  const over = new Promise<ShellOutcome>((resolve) => (ended = resolve));
  const full = spec(command, { ...more, onStarted: (pid) => began(pid) });
  const state: { exits: number } = { exits: 0 };
  const running = host.run(full, (outcome) => {
    state.exits += 1;
    ended(outcome);
  });
  return { running, started, over, token: full.token, get exits() { return state.exits; } };
}

/** Waits until something about real processes holds. */
export async function until(what: string, holds: () => boolean, deadlineMs = 5000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`after ${deadlineMs} ms it still does not hold that ${what}`);
    await delay(10);
  }
}

/** Living processes (no zombies) whose environment or command line has the text, with what they run. */
export function processesWith(text: string): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => stateOf(Number(name)) !== "Z" && (read(name, "environ").includes(text) || read(name, "cmdline").includes(text)))
    .map((name) => ({ pid: Number(name), command: read(name, "cmdline").replaceAll("\0", " ").slice(0, 80) }));
}

/** `R`, `S`, `T`, `Z` … or nothing where there is no such process. */
export function stateOf(pid: number): string | undefined {
  const stat = read(String(pid), "stat");
  return stat === "" ? undefined : stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3);
}

export function alive(pid: number): boolean {
  const state = stateOf(pid);
  return state !== undefined && state !== "Z" && state !== "X";
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
