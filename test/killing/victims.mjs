// Tasks that are hard to end, and tasks that end their worker. Each reports "begun" first, and carries a mark by which its processes are found.
import { app, bashApp, sh } from "caraway";

const spin = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    for (;;);
  },
  { label: "loop" },
);

const regex = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    return /^(a+)+$/.test(`${"a".repeat(50)}b`);
  },
  { label: "regex" },
);

const atomics = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
  { label: "atomics" },
);

const execSync = app(
  async (mark) => {
    const { execSync } = await import("node:child_process");
    const { task } = await import("caraway/task");
    task.report("begun");
    execSync("sleep 30", { env: { ...process.env, MARK: mark } });
  },
  { label: "execSync" },
);

const pbkdf2 = app(
  async () => {
    const { pbkdf2Sync } = await import("node:crypto");
    const { task } = await import("caraway/task");
    task.report("begun");
    pbkdf2Sync("password", "salt", 6_000_000, 64, "sha512");
    return "derived";
  },
  { label: "pbkdf2" },
);

const exit = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    process.exit(3);
  },
  { label: "exit" },
);

const heap = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    const kept = [];
    for (;;) {
      const some = [];
      for (let i = 0; i < 1000; i++) some.push(i + 0.5);
      kept.push(some);
    }
  },
  { label: "heap" },
);

const offHeap = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    const kept = [];
    for (let i = 0; i < 256; i++) kept.push(Buffer.alloc(8 * 2 ** 20, 1));
    return "2 GiB";
  },
  { label: "offHeap" },
);

const segfault = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    process.kill(process.pid, "SIGSEGV");
    for (;;);
  },
  { label: "segfault" },
);

const lateThrow = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    setTimeout(() => {
      throw new Error("thrown late");
    }, 5);
    return "ended";
  },
  { label: "lateThrow" },
);

const lateRejection = app(
  async () => {
    const { task } = await import("caraway/task");
    task.report("begun");
    setTimeout(() => void Promise.reject(new Error("rejected late")), 5);
    return "ended";
  },
  { label: "lateRejection" },
);

const forkedChild = app(
  async (mark) => {
    const { spawn } = await import("node:child_process");
    const { once } = await import("node:events");
    const child = spawn("sleep", ["30"], { stdio: "ignore", env: { ...process.env, MARK: mark } });
    await once(child, "spawn");
    const { task } = await import("caraway/task");
    task.report("begun");
    await once(child, "exit");
  },
  { label: "forkedChild" },
);

const setsidChild = app(
  async (mark) => {
    const { spawn } = await import("node:child_process");
    const { once } = await import("node:events");
    const child = spawn("bash", ["-c", "trap '' TERM HUP; sleep 30; :"], { detached: true, stdio: "ignore", env: { MARK: mark, PATH: process.env.PATH } });
    child.unref();
    await once(child, "spawn");
    const { task } = await import("caraway/task");
    task.report("begun");
    for (;;);
  },
  { label: "setsidChild" },
);

const bashChild = bashApp((mark) => sh`export MARK=${mark}; sleep 30 & wait`, { label: "bashChild" });
const bashSetsid = bashApp((mark) => sh`export MARK=${mark}; trap '' TERM; setsid bash -c "trap '' TERM HUP; sleep 30; :" & wait; wait`, { label: "bashSetsid" });

const once = { retries: { app: 0, lost: 0 } };

/** What is done to them, and what must come of it: names of error classes, or states. */
export const victims = [
  { name: "an endless loop", app: spin },
  { name: "a catastrophic regular expression", app: regex },
  { name: "Atomics.wait", app: atomics },
  { name: "execSync of a long command", app: execSync, processes: true },
  { name: "pbkdf2Sync of some seconds", app: pbkdf2, native: true },
  { name: "process.exit", app: exit, ends: /^AppExit$/ },
  { name: "out of memory: heap", app: heap, ends: /^MemoryExceeded$/ },
  { name: "out of memory: off-heap", app: offHeap.with(once), ends: /^(RangeError|TaskPoisoned)$/, needsLimit: true },
  { name: "a segmentation fault", app: segfault.with(once), ends: /^TaskPoisoned$/, killsProcess: true },
  { name: "an error thrown after the end", app: lateThrow, ends: /^done$/ },
  { name: "a promise rejected after the end", app: lateRejection, ends: /^done$/ },
  { name: "a child process, from a function", app: forkedChild, processes: true },
  { name: "a child in a session of its own, from a function", app: setsidChild, processes: true },
  { name: "a child process, from bash", app: bashChild, processes: true, bash: true },
  { name: "a child in a session of its own, from bash", app: bashSetsid, processes: true, bash: true },
];
