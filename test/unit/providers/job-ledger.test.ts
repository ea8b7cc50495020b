import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { JobLedgerFailed } from "#internal/errors/index";
import { JobLedger } from "#internal/providers/job-ledger";
import { lineOf, readLedger, type LedgerRecord } from "#internal/providers/ledger-records";
import { sweep, sweepAbandoned } from "#internal/providers/sweep";
import type { JobReport, Provider } from "#internal/providers/provider";
import { jobDirectory } from "./jobs.js";

const intent = (name: string) => ({ name, executor: "cluster", block: "block-1", provider: "local" });

async function opened(path: string): Promise<JobLedger> {
  const ledger = await JobLedger.open(path);
  onTestFinished(() => ledger.close().catch(() => undefined));
  return ledger;
}

const fresh = (): string => join(jobDirectory(), "runs", "jobs.ledger");
const failed = (path: string): Promise<JobLedgerFailed> => JobLedger.open(path).then(() => Promise.reject(new Error("it was opened")), (error: unknown) => error as JobLedgerFailed);

describe("the ledger of jobs", () => {
  it("knows, when it is opened again, which jobs have no end, and their ids where they had one", async () => {
    const path = fresh();
    const first = await opened(path);
    await first.intend(intent("a"));
    await first.submitted("a", "17");
    await first.intend(intent("b"));
    await first.intend(intent("c"));
    await first.submitted("c", "18");
    await first.ended("c", { state: "failed", exitCode: 3 });
    await first.close();
    const again = await opened(path);
    expect(again.unfinished()).toMatchObject([{ ...intent("a"), id: "17" }, { ...intent("b"), id: undefined }]);
    expect([again.damage, again.cut]).toEqual([[], 0]);
    await again.ended("a");
    await again.ended("b");
    await again.ended("b");
    expect(again.unfinished()).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("has what a call has resolved for in its file by then, in the order of the calls", async () => {
    const path = fresh();
    const ledger = await opened(path);
    const names = Array.from({ length: 200 }, (_, index) => `job-${index}`);
    await Promise.all(names.map(async (name) => {
      await ledger.intend(intent(name));
      expect(readFileSync(path, "utf8")).toContain(`"${name}"`);
    }));
    expect(readLedger(readFileSync(path)).records.flatMap((record) => (record.type === "intent" ? [record.name] : []))).toEqual(names);
  });

  it("refuses a second job of a name, and everything once it is closed", async () => {
    const ledger = await opened(fresh());
    await ledger.ofProvider("slurm").intend({ name: "a", executor: "x", block: "1" });
    expect(ledger.unfinished()).toMatchObject([{ provider: "slurm" }]);
    await expect(ledger.intend(intent("a"))).rejects.toMatchObject({ name: "JobLedgerFailed" });
    await ledger.close();
    await expect(ledger.intend(intent("b"))).rejects.toMatchObject({ name: "JobLedgerFailed", reason: "broken" });
  });

  it("takes no more once the disk has refused something", async () => {
    const path = fresh();
    const ledger = await opened(path);
    await (ledger as unknown as { file: { close(): Promise<void> } }).file.close();
    await expect(ledger.intend(intent("a"))).rejects.toMatchObject({ code: "CW-BLOCK-006", reason: "broken" });
    await expect(ledger.submitted("a", "1")).rejects.toMatchObject({ reason: "broken" });
  });

  it("does not touch a file that is no ledger", async () => {
    const path = join(jobDirectory(), "thesis.txt");
    for (const text of ["the work of years\n", "the work of years", "two\nlines\n"]) {
      writeFileSync(path, text);
      expect(await failed(path)).toMatchObject({ name: "JobLedgerFailed", reason: "foreign" });
      expect(readFileSync(path, "utf8")).toBe(text);
    }
    mkdirSync(`${path}.d`);
    expect(await failed(`${path}.d`)).toMatchObject({ reason: "broken" });
  });
});

const sample: readonly LedgerRecord[] = [
  { type: "ledger", version: 1 },
  { type: "intent", ...intent("a"), at: 1 },
  { type: "submitted", name: "a", id: "12:34:/some where/jobs/a" },
  { type: "intent", ...intent("b"), at: 2 },
  { type: "ended", name: "a", at: 3, report: { state: "failed", exitCode: 1, message: "ümlaut\nnewline" } },
];
const lines = sample.map(lineOf);
const whole = Buffer.from(lines.join(""));

describe("a ledger whose writer died", () => {
  it("opens at every length, without the record that was being written, and goes on from there", async () => {
    const path = fresh();
    await (await JobLedger.open(path)).close();
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const ledger = await JobLedger.open(path);
      const complete = lines.filter((_, index) => Buffer.byteLength(lines.slice(0, index + 1).join("")) <= length).length;
      expect(ledger.damage).toEqual([]);
      expect(ledger.unfinished().map(({ name }) => name)).toEqual([[], [], ["a"], ["a"], ["a", "b"], ["b"]][complete]);
      await ledger.intend(intent("later"));
      await ledger.close();
      expect(readLedger(readFileSync(path)).records).toHaveLength(Math.max(1, complete) + 1);
    }
  });

  it("never takes a record whose bits have changed for another, and says where it could not be read", () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ bits;
        const { records, damage, end } = readLedger(bytes);
        expect(records.length).toBeLessThan(sample.length);
        for (const record of records) expect(sample).toContainEqual(record);
        const covered = end <= at || damage.some(({ offset, length }) => at >= offset && at < offset + length);
        expect(covered).toBe(true);
      }),
    );
  });

  it("reads anything at all", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(readLedger(Buffer.from(bytes)).records).toEqual([]);
    }));
  });

  it("keeps what comes after a damaged line", async () => {
    const path = fresh();
    await (await JobLedger.open(path)).close();
    const bytes = Buffer.from(whole);
    bytes.write("X", lines.slice(0, 2).join("").length + 20);
    writeFileSync(path, bytes);
    const ledger = await opened(path);
    expect(ledger.damage).toEqual([{ offset: lines.slice(0, 2).join("").length, length: lines[2]?.length }]);
    expect(ledger.unfinished().map(({ name }) => name)).toEqual(["b"]);
  });
});

const modules = new URL("../../../dist/providers/", import.meta.url).href;
const node = (code: string): Promise<{ stdout: string }> => promisify(execFile)(process.execPath, ["--input-type=module", "--eval", code]);

describe("a ledger that another process has", () => {
  it("is refused while that lives, saying who it is", async () => {
    const path = fresh();
    const ledger = await opened(path);
    expect(await failed(path)).toMatchObject({ reason: "locked", evidence: { owner: { pid: process.pid } }, message: expect.stringContaining(`process ${process.pid} of ${hostname()}`) as string });
    await ledger.close();
    await (await opened(path)).close();
    expect(readdirSync(join(path, ".."))).toEqual(["jobs.ledger"]);
  });

  it.each([
    ["a process that is dead", {}],
    ["a process of before the machine's last start", { pid: process.pid, boot: "before" }],
    ["an earlier process of a pid that lives", { pid: process.pid, start: 1 }],
  ])("is taken over from %s", async (_, more) => {
    const path = fresh();
    mkdirSync(join(path, ".."));
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 4_194_999, start: 1, host: hostname(), boot, ...more }));
    await (await opened(path)).close();
    expect(readdirSync(join(path, ".."))).toEqual(["jobs.ledger"]);
  });

  it("is taken over from a lock that cannot be read, and refused where its owner is on another machine", async () => {
    const path = fresh();
    mkdirSync(join(path, ".."));
    writeFileSync(`${path}.lock`, "");
    await (await opened(path)).close();
    writeFileSync(`${path}.lock`, JSON.stringify({ pid: 1, start: 1, host: "elsewhere", boot: "x" }));
    expect(await failed(path)).toMatchObject({ reason: "locked", hint: expect.stringContaining("elsewhere") as string });
  });

  it("goes to one of many that find a dead owner at once, also where one of them died as it took over", async () => {
    const path = fresh();
    mkdirSync(join(path, ".."));
    const dead = JSON.stringify({ pid: 4_194_999, start: 1, host: hostname(), boot: "before" });
    const claim = (content: string) => `${path}.lock.claim-${createHash("sha256").update(content).digest("hex").slice(0, 16)}`;
    writeFileSync(`${path}.lock`, dead);
    writeFileSync(claim(dead), JSON.stringify({ pid: 4_194_998, start: 1, host: hostname(), boot: "before" }));
    const code = `import { JobLedger } from ${JSON.stringify(`${modules}job-ledger.js`)};
      const tries = await Promise.allSettled(Array.from({ length: 25 }, () => JobLedger.open(${JSON.stringify(path)})));
      console.log(tries.map(({ status, reason }) => status === "fulfilled" ? "mine" : reason.reason).join());
      process.stdin.resume();`;
    const children = await Promise.all([0, 1, 2].map(async () => {
      const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: ["pipe", "pipe", "inherit"] });
      onTestFinished(() => void child.kill("SIGKILL"));
      const [text] = (await once(child.stdout, "data")) as [Buffer];
      return text.toString().trim().split(",");
    }));
    expect(children.flat().filter((word) => word === "mine")).toHaveLength(1);
    expect(new Set(children.flat())).toEqual(new Set(["mine", "locked"]));
  });

  it("is found by the next kernel with all that a killed one had been told", async () => {
    const path = fresh();
    const code = `import { JobLedger } from ${JSON.stringify(`${modules}job-ledger.js`)};
      const ledger = await JobLedger.open(${JSON.stringify(path)});
      await ledger.intend(${JSON.stringify(intent("a"))});
      await ledger.submitted("a", "17");
      await ledger.intend(${JSON.stringify(intent("b"))});
      process.kill(process.pid, "SIGKILL");`;
    await expect(node(code)).rejects.toMatchObject({ signal: "SIGKILL" });
    expect((await opened(path)).unfinished()).toMatchObject([{ name: "a", id: "17" }, { name: "b", id: undefined }]);
  });
});

describe("the sweep of a ledger", () => {
  /** A provider that knows these jobs, by their names. */
  function scripted(jobs: Record<string, JobReport>): Provider & { cancelled: string[] } {
    const cancelled: string[] = [];
    return {
      kind: "local", statusInterval: 1, cancelled,
      submit: () => Promise.reject(new Error("nothing is submitted")),
      status: (ids) => Promise.resolve(new Map(ids.flatMap((id) => (jobs[id] === undefined ? [] : [[id, jobs[id]]])))),
      find: (name) => (name === "dark" ? Promise.reject(new Error("the scheduler does not answer")) : Promise.resolve(name in jobs ? name : undefined)),
      cancel: (ids) => {
        cancelled.push(...ids);
        return Promise.resolve();
      },
      output: () => Promise.resolve({ stdout: "", stderr: "" }),
      close: () => Promise.resolve(),
    };
  }

  it("ends what is there, looks up what was never answered, and keeps what it could not settle", async () => {
    const path = fresh();
    const ledger = await opened(path);
    for (const name of ["known", "answered-late", "never-there", "dark", "stays"]) await ledger.intend(intent(name));
    await ledger.intend({ ...intent("foreign"), provider: "slurm" });
    await ledger.submitted("known", "known");
    await ledger.submitted("stays", "stays");
    const provider = scripted({ known: { state: "cancelled" }, "answered-late": { state: "completed" }, stays: { state: "active" } });
    const swept = await sweep(ledger, (entry) => (entry.provider === "local" ? provider : undefined), 0);
    expect(swept.cancelled.map(({ name }) => name).sort()).toEqual(["answered-late", "known"]);
    expect(swept.ending.map(({ name }) => name)).toEqual(["stays"]);
    expect(swept.absent.map(({ name }) => name)).toEqual(["never-there"]);
    expect(swept.unresolved.map(({ entry, error }) => [entry.name, (error as Error).message]).sort()).toEqual([["dark", "the scheduler does not answer"], ["foreign", 'there is no provider "slurm" to ask']]);
    expect(provider.cancelled.sort()).toEqual(["answered-late", "known", "stays"]);
    expect(ledger.unfinished().map(({ name }) => name)).toEqual(["dark", "stays", "foreign"]);
  });

  it("passes over the ledgers of living kernels, and says which it cannot read", async () => {
    const [mine, abandoned, thesis] = [fresh(), fresh(), join(jobDirectory(), "thesis.txt")];
    await (await opened(mine)).intend(intent("a"));
    const other = await opened(abandoned);
    await other.intend(intent("b"));
    await other.close();
    writeFileSync(thesis, "the work of years\n");
    const provider = scripted({ b: { state: "failed" } });
    const done = await sweepAbandoned([mine, abandoned, thesis], () => provider, 0);
    expect([...done.keys()]).toEqual([abandoned, thesis]);
    expect(provider.cancelled).toEqual(["b"]);
    expect(done.get(thesis)).toMatchObject({ reason: "foreign" });
  });
});
