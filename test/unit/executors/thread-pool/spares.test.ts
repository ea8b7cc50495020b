import { expect, test } from "vitest";
import { Dispatcher, type TransitionRecord } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import type { RunnableApp, Work, WorkListener } from "#internal/executors/executor";
import { ThreadPool } from "#internal/executors/thread-pool/pool";
import { encode } from "#internal/serialization/index";
import { calm, SimulatedHost, type Probe } from "#internal/testing/index";

/** A pool of simulated workers, and when the code of each task began there. */
class Bench {
  readonly ports = simulatedPorts(1);
  readonly began = new Map<number, { readonly at: number; readonly worker: string }>();
  readonly failed: string[] = [];
  readonly requeued: number[] = [];
  readonly host: SimulatedHost;
  readonly pool: ThreadPool;
  private readonly apps = new Map<number, RunnableApp>();
  private tasks = 0;

  constructor(threads: number, way: readonly [number, number] = [0.5, 0.5]) {
    const dispatcher = new Dispatcher(this.ports);
    dispatcher.transitions$.subscribe((record) => this.note(record));
    this.host = new SimulatedHost({ ports: this.ports, seed: 1, label: "pool", conduct: { ...calm, way }, probe: (probe) => this.seen(probe) });
    const nothing = (): void => undefined;
    const listener: WorkListener = { sent: nothing, started: nothing, requeued: nothing, answered: nothing, failed: (work, _, { charge }) => void this.failed.push(`${work.taskId} ${charge}`), revoked: nothing, released: nothing, news: nothing };
    this.pool = new ThreadPool({ label: "pool", maxThreads: threads, minThreads: threads, killGrace: 10, patience: 30, ownsProcesses: false }, this.host, dispatcher, listener);
    void this.pool.start();
  }

  /** Its app is known to take that long; this one may take longer. */
  submit(expected: number, walltime = 0, ms = expected): number {
    const taskId = ++this.tasks;
    const app = this.apps.get(expected) ?? { key: expected, name: `takes ${expected} ms`, code: { kind: "module", url: "", name: "" }, expected };
    this.apps.set(expected, app);
    const work: Work = { taskId, app, priority: undefined, walltime, place: undefined, argumentsFor: () => [encode({ key: "k", acts: [{ do: "return", ms }] }, "a script")], shellFor: () => undefined, settingFor: () => undefined };
    this.pool.submit(work, 1);
    return taskId;
  }

  async until(ms: number): Promise<void> {
    await this.ports.settleFor(ms - this.ports.clock.now());
  }

  startOf(task: number): number {
    return this.began.get(task)?.at ?? Infinity;
  }

  private note({ kind, id, message }: TransitionRecord): void {
    if (kind === "attempt" && message.type === "attempt.unclaimed") this.requeued.push(id as number);
  }

  private seen(probe: Probe): void {
    if (probe.probe === "code.started") this.began.set(probe.task, { at: probe.at, worker: probe.worker });
  }
}

test("a worker has its next task when the one before is over, without asking for it", async () => {
  const bench = new Bench(1, [5, 5]);
  await bench.until(20);
  const [first, second] = [bench.submit(50), bench.submit(50)];
  bench.submit(50);
  await bench.until(300);
  expect(bench.startOf(second) - bench.startOf(first)).toBe(50);
});

test("no task waits behind another while a worker is free", async () => {
  const bench = new Bench(2);
  await bench.until(10);
  const long = bench.submit(200);
  const short = bench.submit(20);
  const [third, fourth, fifth] = [bench.submit(30), bench.submit(30), bench.submit(30)];
  await bench.until(300);
  // One waited behind the long task, and was taken back when the other worker had done all it could have.
  const end = bench.startOf(short) + 20;
  expect(bench.startOf(fourth)).toBe(end);
  expect(Math.max(bench.startOf(third), bench.startOf(fifth))).toBeLessThan(end + 63);
  expect(bench.began.get(third)?.worker).not.toBe(bench.began.get(long)?.worker);
  expect(bench.requeued).toHaveLength(1);
});

test("what waits behind a task that takes longer than was thought goes before what came later", async () => {
  const bench = new Bench(2);
  await bench.until(10);
  bench.submit(50, 0, 60_000);
  bench.submit(50);
  const others = Array.from({ length: 60 }, () => bench.submit(50));
  await bench.until(4000);
  expect(others.filter((task) => bench.startOf(task) === Infinity)).toEqual([]);
  expect(Math.max(...others.slice(0, 3).map((task) => bench.startOf(task)))).toBeLessThan(700);
});

test("tasks that take long, or have a walltime, wait for a worker that is free", async () => {
  const bench = new Bench(1);
  await bench.until(10);
  const [first, second] = [bench.submit(1000), bench.submit(1000), bench.submit(1000)];
  await bench.until(500);
  expect(bench.pool.status()).toMatchObject({ out: 1, queued: 2 });
  await bench.until(3500);
  expect(bench.startOf(second as number) - bench.startOf(first as number)).toBeGreaterThan(1000);
  for (let i = 0; i < 3; i++) bench.submit(50, 500);
  await bench.until(3520);
  expect(bench.pool.status()).toMatchObject({ out: 1, queued: 2 });
});

test("what waits at a worker that dies is charged nothing, and runs elsewhere", async () => {
  const bench = new Bench(1);
  await bench.until(10);
  const [first, second] = [bench.submit(100), bench.submit(100)];
  bench.submit(100);
  await bench.until(50);
  expect(bench.pool.status()).toMatchObject({ out: 2, queued: 1 });
  bench.host.killWorker(0);
  await bench.until(400);
  expect(bench.failed).toEqual([`${first} lost`]);
  expect(bench.startOf(second)).toBeLessThan(60);
});

test("a pool that is held begins nothing, also where that waits at a worker already", async () => {
  const bench = new Bench(1);
  await bench.until(10);
  const [, second] = [bench.submit(100), bench.submit(100), bench.submit(100)];
  await bench.until(50);
  expect(bench.pool.status()).toMatchObject({ out: 2, queued: 1 });
  bench.pool.hold();
  await bench.until(400);
  expect(bench.startOf(second as number)).toBe(Infinity);
  bench.pool.resume();
  await bench.until(600);
  expect(bench.startOf(second as number)).toBeLessThan(405);
});
