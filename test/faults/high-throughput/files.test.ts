import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { app, bashApp, type DataFile, file, sh } from "#internal/index";
import { processesWith, until } from "../../unit/executors/shell/observe.js";
import { processesOf, tells, timed, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);

/** The first time it runs it waits, writes, and would take long to end; the next time it writes at once. */
const writes = (final: string) =>
  bashApp(
    (directory: string, { outputs }: { outputs: readonly [DataFile] }) => sh`
      if mkdir ${`${directory}/first`} 2>/dev/null; then
        echo "half of the first" > ${outputs[0]}
        until [[ -e ${`${directory}/go`} ]]; do sleep 0.05; done
        echo "the first" > ${outputs[0]}
      else
        echo "the second" > ${outputs[0]}
      fi`,
    { outputs: [file(final)] as const, retries: { lost: 2 } },
  );

test("F4: what a fenced attempt writes never gets the final name, and is gone in the end: frozen past its lease, done elsewhere, thawed", async () => {
  const work = mkdtempSync(join(tmpdir(), "caraway-work-"));
  onTestFinished(() => rmSync(work, { recursive: true }));
  await withCluster({ maxWorkersPerNode: 1, lostGrace: "20s", provider: { initBlocks: 2, maxBlocks: 2 } }, async ({ kernel, manned, directory }) => {
    await manned(2);
    const final = join(work, "result.txt");
    const future = writes(final).on(kernel)(work);
    await until("the first attempt writes", () => existsSync(join(work, "first")) && readdirSync(work).some((name) => name !== "first"));
    const [hidden = ""] = readdirSync(work).filter((name) => name.startsWith(".cw-"));
    // The manager and all that it has started stand still.
    const [command] = processesWith(join(work, "go")).filter(({ command }) => command.includes("bash"));
    const frozen = processesOf(directory).filter(({ environment }) => sameBlock(environment, command?.pid));
    expect(frozen.length).toBeGreaterThan(1);
    for (const { pid } of frozen) send(pid, "SIGSTOP");
    await timed("a frozen writer's task is done elsewhere", 10_000, async () => {
      await future;
    });
    expect(readFileSync(final, "utf8")).toBe("the second\n");
    writeFileSync(join(work, "go"), "");
    for (const { pid } of frozen) send(pid, "SIGCONT");
    await until("the fenced writer has ended", () => processesWith(join(work, "go")).length === 0, 8000);
    expect(await Promise.all([3, 4, 5].map((x) => square.on(kernel)(x)))).toEqual([9, 16, 25]);
    expect(readFileSync(final, "utf8")).toBe("the second\n");
    // What it may have written after it was thawed has a name that nobody else uses.
    expect(hidden).toMatch(/^\.cw-.*-1-1\.result\.txt$/);
    writeFileSync(join(work, hidden), "the first, very late");
    expect(readdirSync(work).filter((name) => name !== hidden).sort()).toEqual(["first", "go", "result.txt"]);
    expect(future.attempts.map(({ charge, error }) => [charge, error.name])).toEqual([["lost", "ManagerLost"]]);
  });
  expect(readdirSync(work).sort()).toEqual(["first", "go", "result.txt"]);
});

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // A short command of the script has ended meanwhile.
  }
}

/** The processes of the block that a process belongs to, but for the job's watcher and script. */
function sameBlock(environment: readonly string[], pid: number | undefined): boolean {
  const block = (words: readonly string[]): string | undefined => words.find((word) => word.startsWith("CARAWAY_JOB_FILES="));
  const own = block(readFileSync(`/proc/${pid}/environ`, "latin1").split("\0"));
  return own !== undefined && block(environment) === own;
}

/** A file system of 64 KiB, where we may have one. */
function smallDisk(path: string): boolean {
  mkdirSync(path);
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", path]).status === 0;
}

test("F12: a disk that is full fails the task that writes there, by name, and no other", async (context) => {
  await withCluster({}, async ({ kernel, manned, directory }) => {
    await manned();
    const disk = join(directory, "disk");
    if (!smallDisk(disk)) return context.skip("only root may make a small disk");
    try {
      const floods = bashApp(() => sh`head -c 1000000 /dev/zero`, { stdout: join(disk, "flood.out") });
      const future = floods.on(kernel)();
      const error = await timed("a task whose disk is full has failed", 10_000, async () => future.then(() => undefined, (reason: unknown) => reason));
      expect(error).toBeDefined();
      tells(error, "floods", /ENOSPC|No space left/);
      expect(await Promise.all([3, 4, 5].map((x) => square.on(kernel)(x)))).toEqual([9, 16, 25]);
    } finally {
      spawnSync("umount", [disk]);
    }
  });
});
