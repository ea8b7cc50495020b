import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { expect, test, onTestFinished } from "vitest";
import { local } from "#internal/config/descriptors";
import { JobLedger } from "#internal/providers/job-ledger";
import { LocalProvider } from "#internal/providers/local";
import { sweepAbandoned } from "#internal/providers/sweep";
import { jobDirectory, processesOf, seen } from "../unit/providers/jobs.js";

const modules = new URL("../../dist/providers/", import.meta.url).href;

/** A process that submits jobs, says what it does, a line for each step, and never closes anything. */
function kernel(directory: string, steps: string) {
  const code = `import { JobLedger } from ${JSON.stringify(`${modules}job-ledger.js`)};
    import { LocalProvider } from ${JSON.stringify(`${modules}local.js`)};
    const directory = ${JSON.stringify(directory)};
    const ledger = await JobLedger.open(directory + "/jobs.ledger");
    const provider = new LocalProvider({ role: "provider", kind: "local", killGrace: 100 });
    const job = (name) => ({ name, command: ["bash", "-c", "trap '' TERM; setsid sleep 1000 & while :; do sleep 1000; done"], nodes: 1, walltime: 0, directory, environment: {} });
    const intend = (name) => ledger.intend({ name, executor: "cluster", block: name, provider: "local" });
    ${steps}
    console.log("done");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", code], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, line: async () => ((await once(createInterface(child.stdout), "line")) as [string])[0] };
}

test("jobs of a killed kernel outlive it, are found by the next start and ended, answered or not, and leave nothing behind", async () => {
  const directory = jobDirectory();
  const names = [`answered.${process.pid}`, `unanswered.${process.pid}`, `never.${process.pid}`];
  const { child, line } = kernel(directory, `
    const [answered, unanswered, never] = ${JSON.stringify(names)};
    await intend(answered);
    await ledger.submitted(answered, await provider.submit(job(answered)));
    await intend(unanswered);
    await provider.submit(job(unanswered));
    await intend(never);`);
  expect(await line()).toBe("done");
  const [answered = "", unanswered = "", never = ""] = names;
  // The watcher, the script, the command and what it has started.
  for (const name of [answered, unanswered]) await seen(`all of ${name}`, () => processesOf(name).length >= 5 || undefined);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect([answered, unanswered].map((name) => processesOf(name).length >= 5)).toEqual([true, true]);

  const provider = new LocalProvider(local({ killGrace: 100 }));
  const path = join(directory, "jobs.ledger");
  const swept = (await sweepAbandoned([path], () => provider)).get(path);
  if (swept === undefined || swept instanceof Error) throw new Error("the ledger was not swept", { cause: swept });
  expect(swept.cancelled.map(({ name }) => name).sort()).toEqual([answered, unanswered]);
  expect(swept.absent.map(({ name }) => name)).toEqual([never]);
  expect([...swept.ending, ...swept.unresolved]).toEqual([]);
  for (const name of names) await seen(`the end of ${name}`, () => processesOf(name).length === 0 || undefined);
  const ledger = await JobLedger.open(path);
  expect(ledger.unfinished()).toEqual([]);
  await ledger.close();
});

test("a kernel killed at any moment leaves no job that its ledger does not lead to", async () => {
  const directory = jobDirectory();
  const prefix = `storm.${process.pid}`;
  const { child, line } = kernel(directory, `
    console.log("begun");
    for (let i = 0; ; i++) {
      const name = ${JSON.stringify(prefix)} + "-" + i;
      await intend(name);
      const id = await provider.submit(job(name));
      if (i % 2) await ledger.submitted(name, id);
    }`);
  await line();
  await seen("some jobs", () => processesOf((job) => job.startsWith(prefix)).length > 8 || undefined);
  child.kill("SIGKILL");
  await once(child, "exit");
  const provider = new LocalProvider(local({ killGrace: 100 }));
  const path = join(directory, "jobs.ledger");
  const swept = (await sweepAbandoned([path], () => provider)).get(path);
  expect(swept).toMatchObject({ unresolved: [], ending: [] });
  await seen("the end of all of them", () => processesOf((job) => job.startsWith(prefix)).length === 0 || undefined);
});
