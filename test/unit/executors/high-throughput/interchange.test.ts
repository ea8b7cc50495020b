import type { Presence } from "#internal/executors/high-throughput/presence";
import { beforeAll, expect, test } from "vitest";
import { Dispatcher } from "#internal/actors/dispatcher";
import { controlCodec, type ControlCodec } from "#internal/actors/links/control";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import type { Work } from "#internal/executors/executor";
import { ByteWriter } from "#internal/executors/high-throughput/bytes";
import { Interchange } from "#internal/executors/high-throughput/interchange/interchange";
import type { InterchangeEvent, InterchangeOptions } from "#internal/executors/high-throughput/interchange/types";
import type { NodeLink } from "#internal/executors/high-throughput/interchange/node";
import { frame, type Registration } from "#internal/executors/high-throughput/protocol";
import { outcome, OutcomeRecords, TaskRecords, writeFailure, writeNote, writeTask } from "#internal/executors/high-throughput/records";

let codec: ControlCodec;
beforeAll(async () => void (codec = await controlCodec()));

/** A manager's end of a link: what came over it, in words. */
class FakeLink implements NodeLink {
  readonly backlog = 0;
  readonly got: string[] = [];
  closed = false;

  send(type: number, header: Uint8Array, payload: readonly Uint8Array[] = []): void {
    if (this.closed) return;
    const name = Object.entries(frame).find(([, value]) => value === type)?.[0] ?? String(type);
    if (type === frame.tasks) for (const each = new TaskRecords(Buffer.concat(payload)); each.next(); ) this.got.push(`task ${each.task}.${each.attempt}`);
    else if (type === frame.cancel) this.got.push(`cancel ${JSON.stringify(codec.decode(header))}`);
    else this.got.push(name);
  }

  onDrain(): void {
    return;
  }

  close(): void {
    this.closed = true;
  }
}

/** An interchange between fakes. */
class Bench {
  readonly sim = simulatedPorts(1);
  readonly told: string[] = [];
  readonly events: string[] = [];
  readonly interchange: Interchange;
  /** What it was, in order. */
  readonly states: string[] = [];
  /** What can be seen of the processes of managers. */
  presence: Presence = "elsewhere";

  constructor(options: Partial<InterchangeOptions> = {}) {
    const names = Object.entries(outcome);
    const dispatcher = new Dispatcher(this.sim);
    dispatcher.transitions$.subscribe(({ kind, to }) => {
      if (kind === "interchange" && to !== this.states.at(-1)) this.states.push(to);
    });
    this.interchange = new Interchange({ label: "far", epoch: 1, selector: "random", heartbeatMs: 100, leaseMs: 1000, reconnectMs: 150, ...options }, {
      dispatcher,
      codec,
      toHead: (records) => {
        for (const each = new OutcomeRecords(records); each.next(); ) this.told.push(`${names.find(([, value]) => value === each.kind)?.[0]} ${each.task}.${each.attempt}`);
      },
      news: () => undefined,
      presence: () => this.presence,
      ofActor: () => undefined,
      broken: (error) => {
        throw error;
      },
      event: (event: InterchangeEvent) => this.events.push(event.t + ("block" in event ? ` ${event.block}` : "")),
    });
  }

  submit(task: number, more: Partial<Work> = {}): void {
    const writer = new ByteWriter();
    writeTask(writer, { taskId: task, priority: undefined, walltime: 0, place: undefined, app: { key: 1, name: "a", code: undefined, expected: -1 }, argumentsFor: () => [], settingFor: () => undefined, shellFor: () => undefined, ...more }, 1);
    this.interchange.submit(writer.take());
    this.pass();
  }

  register(more: Partial<Registration> = {}, link = new FakeLink()) {
    const facts: Registration = { uid: "u", block: "block-1", rank: 0, host: "h", pid: 1, cores: 1, memoryMb: 1, accelerators: [], versions: {}, workers: 1, prefetch: 0, remainingMs: null, has: [], told: 0, ...more };
    const node = this.interchange.register(facts, link);
    this.pass();
    return { node, link };
  }

  say(node: Parameters<Interchange["outcomes"]>[0], first: number, write: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    write(writer);
    this.interchange.outcomes(node, first, writer.take());
    this.pass();
  }

  pass(ms = 5): void {
    this.sim.runFor(ms);
  }
}

const tasks = ({ got }: FakeLink): readonly string[] => got.filter((one) => one.startsWith("task"));

test("a manager that comes before a new interchange has heard of the head keeps what it has", () => {
  const bench = new Bench({ epoch: 2 });
  const { node, link } = bench.register({ has: [[7, 1]] });
  expect(link.got).toEqual([]);
  bench.interchange.expect([[7, 1]]);
  bench.pass();
  expect(link.got).toEqual(["accepted"]);
  bench.pass(900);
  bench.interchange.heard(node);
  bench.pass(900);
  expect(bench.told.filter((one) => one.startsWith("lost"))).toEqual([]);
});

test("a manager whose link has ended is lost when its process has, and not while that lives, within its lease", () => {
  const bench = new Bench();
  const { node, link } = bench.register();
  bench.presence = "here";
  bench.interchange.linkLost(node, link);
  bench.pass(700);
  expect(bench.events).not.toContain("manager.lost block-1");
  bench.presence = "gone";
  bench.pass(100);
  expect(bench.events).toContain("manager.lost block-1");
});

test("a manager whose process lives and whose link does not come back is lost with its lease", () => {
  const bench = new Bench();
  const { node, link } = bench.register();
  bench.presence = "here";
  bench.interchange.linkLost(node, link);
  bench.pass(980);
  expect(bench.events).not.toContain("manager.lost block-1");
  bench.pass(100);
  expect(bench.events).toContain("manager.lost block-1");
});

test("a manager on another machine whose link has ended has a moment to come back", () => {
  const bench = new Bench();
  const { node, link } = bench.register();
  bench.interchange.linkLost(node, link);
  bench.pass(140);
  expect(bench.events).not.toContain("manager.lost block-1");
  bench.pass(20);
  expect(bench.events).toContain("manager.lost block-1");
});

test("a new interchange does not wait for managers whose processes have ended", () => {
  const bench = new Bench({ epoch: 2, awaited: [{ uid: "dead", block: "block-1", host: "h" }] });
  bench.presence = "gone";
  bench.interchange.expect([]);
  bench.pass(200);
  expect(bench.events).toContain("manager.lost block-1");
  bench.submit(1);
  expect(tasks(bench.register().link)).toEqual(["task 1.1"]);
});

test("an interchange that follows another gives nothing before the head and the managers of that one have told what was out", () => {
  const bench = new Bench({ epoch: 2, awaited: ["u", "v"].map((uid) => ({ uid, block: `block-${uid}`, host: "h" })) });
  bench.submit(1);
  const { link } = bench.register({ block: "block-u" });
  const other = bench.register({ uid: "w", block: "block-w" });
  expect([link.got, other.link.got]).toEqual([[], []]);
  bench.interchange.expect([]);
  bench.pass();
  expect([link.got, other.link.got]).toEqual([["accepted"], ["accepted"]]);
  bench.register({ uid: "v", block: "block-v", has: [] });
  expect([...tasks(link), ...tasks(other.link), ...bench.told.filter((one) => one.startsWith("sent"))]).toHaveLength(2);
  expect(bench.states).toEqual(["recovering", "awaiting", "serving"]);
});

test("a new interchange to which the head tells late waits for nobody whose lease is over by then", () => {
  const bench = new Bench({ epoch: 2, awaited: [{ uid: "dead", block: "block-1", host: "h" }] });
  bench.pass(1010);
  expect(bench.events).toEqual(["manager.lost block-1"]);
  expect(bench.states).toEqual(["recovering"]);
  bench.interchange.expect([]);
  bench.submit(1);
  expect(tasks(bench.register().link)).toEqual(["task 1.1"]);
  expect(bench.states).toEqual(["recovering", "serving"]);
});

test("an interchange that is being stopped has ended when its managers have, and the one that comes meanwhile is told to end, and given nothing", async () => {
  const bench = new Bench();
  const first = bench.register();
  const stopped = bench.interchange.stop(2000);
  bench.pass();
  expect(first.link.got).toEqual(["accepted", "stop"]);
  bench.submit(1);
  const late = bench.register({ uid: "v", block: "block-2" });
  expect(late.link.got).toEqual(["accepted", "stop"]);
  bench.interchange.left(first.node);
  bench.pass();
  expect(bench.states.at(-1)).toBe("stopping");
  bench.interchange.left(late.node);
  bench.pass();
  await stopped;
  expect(bench.states).toEqual(["serving", "stopping", "gone"]);
});

test("an interchange that is being stopped waits for its managers no longer than it is told to", async () => {
  const bench = new Bench();
  bench.register();
  const stopped = bench.interchange.stop(300);
  bench.pass(290);
  expect(bench.states.at(-1)).toBe("stopping");
  bench.pass(20);
  await stopped;
  expect(bench.states.at(-1)).toBe("gone");
});

test("what an earlier interchange had sent, and the head did not hear of, is told as sent before what becomes of it", () => {
  const bench = new Bench({ epoch: 2, awaited: [{ uid: "u", block: "block-1", host: "h" }] });
  bench.submit(7);
  bench.interchange.expect([]);
  const { node, link } = bench.register({ has: [[7, 1]] });
  bench.say(node, 1, (writer) => writeNote(writer, 7, 1, outcome.started));
  expect(bench.told).toEqual(["sent 7.1", "started 7.1"]);
  expect(link.got).toEqual(["accepted"]);
});

test("what an earlier interchange had sent, and nobody has, is lost after a lease, and not before", () => {
  const bench = new Bench({ epoch: 2 });
  bench.interchange.expect([[7, 1]]);
  bench.pass(900);
  expect(bench.told).toEqual([]);
  bench.pass(200);
  expect(bench.told).toEqual(["lost 7.1"]);
});

test("a manager is given nothing from the moment its block is drained, also in the same turn", () => {
  const bench = new Bench();
  const { link } = bench.register();
  bench.interchange.drain("block-1");
  bench.submit(1);
  expect(tasks(link)).toEqual([]);
  expect(bench.events).toContain("block.drained block-1");
  bench.interchange.resume("block-1");
  bench.pass();
  expect(tasks(link)).toEqual(["task 1.1"]);
});

test("a manager that wants no more work is given none over any link, whatever becomes of its block, and ends when it has none", () => {
  const bench = new Bench();
  const { link, node } = bench.register({ workers: 2, drainMs: 50 });
  bench.submit(1);
  bench.interchange.drain("block-1");
  bench.pass(60);
  bench.interchange.resume("block-1");
  bench.submit(2);
  expect(link.got).toEqual(["accepted", "task 1.1", "drain"]);
  bench.interchange.linkLost(node, link);
  bench.pass();
  const again = bench.register({ workers: 2, drainMs: 0, has: [[1, 1]] });
  bench.pass(60);
  expect(again.link.got).toEqual(["accepted", "drain"]);
  bench.say(node, 1, (writer) => writeNote(writer, 1, 1, outcome.released));
  expect(again.link.got).toEqual(["accepted", "drain", "stop"]);
  expect(bench.events.filter((one) => one === "manager.retired block-1")).toHaveLength(1);
});

test("a drained manager that takes a new link before its old one is seen to have ended is told over that as well", () => {
  const bench = new Bench();
  bench.register({ actors: [1] });
  bench.interchange.drain("block-1");
  bench.pass();
  expect(bench.register({ actors: [1] }).link.got).toEqual(["accepted", "drain"]);
});

test("what is drained while its link is away is drained once it has nothing, and may be resumed before it is back", () => {
  const bench = new Bench();
  const { node, link } = bench.register();
  bench.submit(1);
  bench.interchange.linkLost(node, link);
  bench.pass();
  bench.interchange.drain("block-1");
  bench.pass();
  expect(bench.events).not.toContain("block.drained block-1");
  bench.interchange.resume("block-1");
  bench.pass();
  expect(bench.register({ has: [[1, 1]] }).link.got).toEqual(["accepted"]);
  expect(node.takesWork).toBe(true);
});

test("a drained manager whose link comes back is given nothing", () => {
  const bench = new Bench();
  const first = bench.register();
  bench.interchange.linkLost(first.node, first.link);
  bench.pass();
  bench.interchange.drain("block-1");
  bench.submit(1);
  const again = bench.register();
  expect(tasks(again.link)).toEqual([]);
  expect(again.link.got).toContain("drain");
});

test("a new interchange says that a block is drained only when its managers have said what they have", () => {
  const bench = new Bench({ epoch: 2, awaited: [{ uid: "u", block: "block-1", host: "h" }] });
  bench.interchange.expect([[7, 1]]);
  bench.interchange.drain("block-1");
  bench.pass();
  expect(bench.events).toEqual([]);
  const { node } = bench.register({ has: [[7, 1]] });
  expect(bench.events).not.toContain("block.drained block-1");
  bench.say(node, 1, (writer) => writeNote(writer, 7, 1, outcome.revoked));
  expect(bench.events).toContain("block.drained block-1");
});

test("a manager is told of an app again where its link ended before it can have heard of it", () => {
  const bench = new Bench();
  bench.interchange.define(1, new Uint8Array(1));
  const first = bench.register();
  bench.submit(1);
  expect(first.link.got).toEqual(["accepted", "define", "task 1.1"]);
  bench.interchange.linkLost(first.node, first.link);
  bench.pass();
  expect(bench.register().link.got).toEqual(["accepted", "define", "task 1.1"]);
});

test("what workers of a lost manager held is released", () => {
  const bench = new Bench();
  const { node, link } = bench.register();
  bench.submit(1);
  bench.say(node, 1, (writer) => writeFailure(writer, 1, 1, { error: new Error("over its walltime"), charge: "app", held: true }));
  expect(bench.told).toEqual(["sent 1.1", "failed 1.1"]);
  bench.interchange.linkLost(node, link);
  bench.pass(500);
  expect(bench.told).toEqual(["sent 1.1", "failed 1.1", "released 1.1"]);
});

test("what a worker holds is released once, also after the interchange that knew of it", () => {
  const bench = new Bench({ epoch: 2 });
  bench.interchange.expect([[1, 1]]);
  const { node } = bench.register({ has: [[1, 1]] });
  bench.say(node, 1, (writer) => writeNote(writer, 1, 1, outcome.released));
  bench.say(node, 2, (writer) => writeNote(writer, 1, 1, outcome.released));
  expect(bench.told).toEqual(["released 1.1"]);
});

test("outcomes with a gap before them are refused, and those that came already are passed over", () => {
  const bench = new Bench();
  const { node } = bench.register({ workers: 3 });
  for (const task of [1, 2, 3]) bench.submit(task);
  bench.told.length = 0;
  bench.say(node, 1, (writer) => writeNote(writer, 1, 1, outcome.started));
  expect(() => bench.say(node, 3, (writer) => writeNote(writer, 3, 1, outcome.started))).toThrow(/outcomes 2 to 2 are missing/);
  bench.say(node, 1, (writer) => {
    writeNote(writer, 1, 1, outcome.started);
    writeNote(writer, 2, 1, outcome.started);
  });
  expect(bench.told).toEqual(["started 1.1", "started 2.1"]);
});

test("a task with a walltime goes to a worker that has nothing to do, and to none whose block ends before it", () => {
  const bench = new Bench();
  const { link } = bench.register({ prefetch: 5, remainingMs: 1000 });
  bench.submit(1, { walltime: 500 });
  bench.submit(2, { walltime: 500 });
  expect(tasks(link)).toEqual(["task 1.1"]);
  const other = new Bench();
  const late = other.register({ remainingMs: 400 });
  other.submit(1, { walltime: 500 });
  other.submit(2);
  expect(tasks(late.link)).toEqual(["task 2.1"]);
});

test("an interchange that stood still holds nobody for lost for what it did not hear meanwhile", () => {
  const bench = new Bench();
  const { node, link } = bench.register();
  bench.interchange.linkLost(node, link);
  bench.pass(0);
  // The thread is held up: its timers are long over when it goes on, and what waits for it has not been read.
  const { clock } = bench.sim;
  const real = clock.now.bind(clock);
  (clock as { now: () => number }).now = () => real() + 700;
  bench.pass(151);
  expect(bench.events).not.toContain("manager.lost block-1");
  bench.register();
  expect(node.state.name).toBe("active");
});

test("that a block has no work is told also by an interchange that never knew it had some", () => {
  const bench = new Bench({ epoch: 2 });
  bench.interchange.expect([]);
  bench.register();
  bench.pass(1000);
  expect(bench.events.filter((one) => one.startsWith("block.load"))).toHaveLength(1);
});
