import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { app, type AppTimeout, type DataFlowKernel, type KernelEvent } from "caraway";
import { begun, freshMark, type Isolation, limitMemory, nothingLeftOf, outcomeOf, poolProcesses, record, startKernel } from "./cell.js";
import { type Victim, victims } from "./victims.mjs";

const double = app((x: number) => x * 2);
/** Has its worker load what the victims load. */
const warm = app(async () => {
  const { task } = await import("caraway/task");
  return task.id;
});
const here = (isolation: Isolation): Victim[] => victims.filter((victim) => isolation === "process" || (victim.killsProcess !== true && victim.needsLimit !== true));

/** What may come of a victim that is ended and may have ended by itself before. */
const cancelledOr = (victim: Victim): RegExp => new RegExp(`^cancelled$|${victim.ends?.source ?? "^$"}`);

describe.each<Isolation>(["thread", "process"])("isolation %s", (isolation) => {
  let kernel: DataFlowKernel;
  const late: KernelEvent[] = [];
  beforeAll(async () => {
    kernel = await startKernel(isolation);
    kernel.events$.subscribe((event) => {
      if (event.type === "task.late-error") late.push(event);
    });
  });
  afterAll(() => kernel.close());

  /** A kernel whose pool's process has so little memory that the victim meets the limit soon. */
  async function limited(): Promise<DataFlowKernel> {
    const before = new Set(poolProcesses());
    const own = await startKernel(isolation);
    await warm.on(own)();
    const [pid = 0] = poolProcesses().filter((one) => !before.has(one));
    expect(limitMemory(pid, 200)).toBe(true);
    return own;
  }

  async function inKernelFor(victim: Victim, body: (kernel: DataFlowKernel) => Promise<void>): Promise<void> {
    if (victim.needsLimit !== true) return body(kernel);
    const own = await limited();
    await body(own);
    await own.close();
  }

  test.each(here(isolation))("cancel ends $name; the next task runs, and nothing is left", (victim) => inKernelFor(victim, async (kernel) => {
    const mark = freshMark();
    const future = victim.app.on(kernel)(mark);
    await begun(future, victim, mark);
    const start = performance.now();
    await future.cancel("enough");
    const outcome = await outcomeOf(future);
    expect(outcome).toMatch(cancelledOr(victim));
    expect(await double.on(kernel)(21)).toBe(42);
    await nothingLeftOf(mark);
    record({ victim: victim.name, action: "cancel", isolation, outcome, ms: performance.now() - start });
  }));

  test.each(here(isolation))("the walltime ends $name; the next task runs, and nothing is left", (victim) => inKernelFor(victim, async (kernel) => {
    const mark = freshMark();
    const start = performance.now();
    const future = victim.app.with({ walltime: victim.ends !== undefined ? 20_000 : victim.native === true ? 1500 : victim.processes === true ? 1000 : 300 }).on(kernel)(mark);
    const outcome = await outcomeOf(future);
    expect(outcome).toMatch(victim.ends ?? /^AppTimeout$/);
    if (victim.native === true) await expect(future).rejects.toMatchObject({ evidence: { stillRunning: isolation === "thread" } } satisfies Partial<AppTimeout>);
    expect(await double.on(kernel)(21)).toBe(42);
    await nothingLeftOf(mark);
    record({ victim: victim.name, action: "walltime", isolation, outcome, ms: performance.now() - start });
  }));

  test.each(here(isolation))("close with cancel ends $name, and nothing is left", async (victim) => {
    const own = victim.needsLimit === true ? await limited() : await startKernel(isolation);
    const mark = freshMark();
    const future = victim.app.on(own)(mark);
    await begun(future, victim, mark);
    const start = performance.now();
    const closed = own.close({ mode: "cancel" });
    const outcome = await outcomeOf(future);
    expect(outcome).toMatch(cancelledOr(victim));
    if (victim.native === true && isolation === "thread") await expect(closed).rejects.toMatchObject({ name: "WaitTimeout" });
    else await closed;
    await nothingLeftOf(mark);
    record({ victim: victim.name, action: "close", isolation, outcome, ms: performance.now() - start });
  });

  test("late errors were told of, each under its own task", () => {
    const messages = late.map((event) => (event.type === "task.late-error" ? [kernel.task(event.task)?.appName, (event.error as Error).message] : []));
    expect(messages).toContainEqual(["lateThrow", "thrown late"]);
    expect(messages).toContainEqual(["lateRejection", "rejected late"]);
  });
});
