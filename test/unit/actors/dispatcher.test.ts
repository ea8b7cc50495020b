import { setup } from "xstate";
import { describe, expect, it } from "vitest";
import { Cell, type CellKind } from "#internal/actors/cell";
import { compile } from "#internal/actors/compile";
import { Dispatcher, type TransitionRecord } from "#internal/actors/dispatcher";
import { realPorts } from "#internal/actors/real-ports";
import { simulatedPorts } from "#internal/actors/simulated-ports";

type Message = { readonly type: "count"; readonly n: number } | { readonly type: "skip" } | { readonly type: "break" } | { readonly type: "finish" };
type Effect = { readonly type: "say"; readonly n: number } | { readonly type: "fail" };
interface Context {
  total: number;
}

const kit = setup({ types: { context: {} as Context, events: {} as Message, emitted: {} as Effect, input: {} as { total: number } } });
const machine = kit.createMachine({
  id: "counter",
  context: ({ input }) => ({ total: input.total }),
  initial: "open",
  states: {
    open: {
      tags: ["open"],
      entry: kit.emit(({ context }) => ({ type: "say", n: context.total })),
      on: {
        count: { actions: [kit.assign({ total: ({ context, event }) => context.total + ("n" in event ? event.n : 0) }), kit.emit(({ context }) => ({ type: "say", n: context.total }))] },
        skip: {},
        break: { actions: kit.emit({ type: "fail" }) },
        finish: "closed",
      },
    },
    closed: { type: "final" },
  },
});
const chart = compile<Context, Message, Effect, { total: number }>(machine);
type Counter = Cell<Context, Message, Effect>;

function workshop(say: (n: number, cell: Counter, dispatcher: Dispatcher) => void = () => undefined) {
  const ports = simulatedPorts(1);
  const dispatcher = new Dispatcher(ports);
  const crashes: string[] = [];
  const kind: CellKind<Context, Message, Effect, { total: number }, Counter> = {
    name: "counter",
    chart,
    perform: {
      say: ({ n }, cell) => say(n, cell, dispatcher),
      fail: () => {
        throw new Error("planned");
      },
    },
    crashed: (cell, error) => void crashes.push(`${cell.path}: ${String(error)}`),
  };
  const make = (id: number, total = 0): Counter => {
    const cell: Counter = new Cell(kind, id);
    dispatcher.start(cell, { total });
    return cell;
  };
  return { ports, dispatcher, crashes, make, kind };
}

describe("a dispatcher", () => {
  it("handles messages one at a time, in the order they were told, across cells", () => {
    const said: string[] = [];
    const { ports, dispatcher, make } = workshop((n, cell) => void said.push(`${cell.id}:${n}`));
    const [a, b] = [make(1), make(2)];
    for (let n = 1; n < 4; n++) {
      dispatcher.tell(a, { type: "count", n });
      dispatcher.tell(b, { type: "count", n: 10 * n });
    }
    expect(said).toEqual(["1:0", "2:0"]);
    ports.run();
    expect(said.slice(2)).toEqual(["1:1", "2:10", "1:3", "2:30", "1:6", "2:60"]);
  });

  it("takes control messages ahead of all work", () => {
    const { ports, dispatcher, make } = workshop();
    const cell = make(1);
    for (let n = 0; n < 5; n++) dispatcher.tell(cell, { type: "count", n: 1 });
    dispatcher.tellControl(cell, { type: "finish" });
    ports.run();
    expect(cell.context.total).toBe(0);
    expect(dispatcher.counts).toMatchObject({ handled: 6, late: 5 });
  });

  it("never handles a message within the telling, so a chain of a million uses constant stack", () => {
    const { ports, dispatcher, make } = workshop((n, cell, d) => {
      if (n < 1_000_000) d.tell(cell, { type: "count", n: 1 });
    });
    const cell = make(1);
    ports.run();
    expect(cell.context.total).toBe(1_000_000);
    expect(dispatcher.waiting).toBe(0);
  });

  it("lets timers have a turn in an endless stream of messages", async () => {
    const dispatcher = new Dispatcher(realPorts());
    let stop = false;
    const endless: CellKind<Context, Message, Effect, { total: number }, Counter> = { name: "endless", chart, perform: { say: (_effect, cell) => {
      if (!stop) dispatcher.tell(cell, { type: "count", n: 1 });
    }, fail: () => undefined }, crashed: () => undefined };
    const cell: Counter = new Cell(endless, 1);
    const turn = new Promise<void>((resolve) => void setTimeout(resolve, 1));
    dispatcher.start(cell, { total: 0 });
    await turn;
    stop = true;
    expect(cell.context.total).toBeGreaterThan(0);
  });

  it("counts what was ignored on purpose and what came too late", () => {
    const { ports, dispatcher, make } = workshop();
    const cell = make(1);
    for (const type of ["skip", "finish", "skip"] as const) dispatcher.tell(cell, { type });
    ports.run();
    expect(dispatcher.counts).toMatchObject({ handled: 3, ignored: 1, late: 1 });
    expect(cell.state.final).toBe(true);
    expect(cell.is("open")).toBe(false);
  });

  it("takes a cell out of order whose effect throws, and no other", () => {
    const { ports, dispatcher, crashes, make } = workshop();
    const [bad, good] = [make(1), make(2)];
    dispatcher.tell(bad, { type: "break" });
    dispatcher.tell(bad, { type: "count", n: 1 });
    dispatcher.tell(good, { type: "count", n: 1 });
    ports.run();
    expect(crashes).toEqual(["counter/1: Error: planned"]);
    expect([bad.crashed, bad.context.total]).toEqual([true, 0]);
    expect([good.crashed, good.context.total]).toEqual([false, 1]);
    expect(dispatcher.counts).toMatchObject({ crashed: 1, late: 1 });
  });

  it("takes a cell out of order that is told what its chart does not speak of", () => {
    const { ports, dispatcher, crashes, make } = workshop();
    const cell = make(1);
    dispatcher.tell(cell, { type: "nonsense" } as unknown as Message);
    ports.run();
    expect(crashes).toEqual([`counter/1: Error: counter/1 in state "open" has no answer to "nonsense"`]);
  });

  it("goes on when a kind's own answer to a crash throws", () => {
    const { ports, dispatcher, kind, make } = workshop();
    const fragile: Counter = new Cell({ ...kind, crashed: () => { throw new Error("twice"); } }, 9);
    dispatcher.start(fragile, { total: 0 });
    const good = make(1);
    dispatcher.tell(fragile, { type: "break" });
    dispatcher.tell(good, { type: "count", n: 2 });
    ports.run();
    expect(good.context.total).toBe(2);
    expect([dispatcher.counts.faults, String(dispatcher.lastFault)]).toEqual([1, "Error: twice"]);
  });

  it("records every step with its cause, for whoever looks", () => {
    const { ports, dispatcher, make } = workshop((n, cell, d) => {
      if (n === 1) d.tell(cell, { type: "count", n: 10 });
    });
    const records: TransitionRecord[] = [];
    dispatcher.transitions$.subscribe((record) => records.push(record));
    const cell = make(1);
    dispatcher.tell(cell, { type: "count", n: 1 });
    dispatcher.tell(cell, { type: "skip" });
    ports.run();
    expect(records.map(({ seq, cause, from, to, outcome, message }) => [seq, cause, from, to, outcome, message.type])).toEqual([
      [1, 0, undefined, "open", "started", "xstate.init"],
      [2, 0, "open", "open", "moved", "count"],
      [3, 0, "open", "open", "ignored", "skip"],
      [4, 2, "open", "open", "moved", "count"],
    ]);
    expect(records[1]?.effects).toEqual([{ type: "say", n: 1 }]);
  });

  it("is not disturbed by an observer that throws", () => {
    const { ports, dispatcher, make } = workshop();
    dispatcher.transitions$.subscribe(() => {
      throw new Error("observer");
    });
    const cell = make(1);
    dispatcher.tell(cell, { type: "count", n: 3 });
    ports.run();
    expect([cell.context.total, cell.crashed]).toEqual([3, false]);
  });

  it("survives a burst of 200,000 messages in order", () => {
    const said: number[] = [];
    const { ports, dispatcher, make } = workshop((n) => void said.push(n));
    const cell = make(1);
    for (let n = 0; n < 200_000; n++) dispatcher.tell(cell, { type: "count", n: 1 });
    ports.run();
    expect(said).toEqual(Array.from({ length: 200_001 }, (_, n) => n));
    dispatcher.tell(cell, { type: "count", n: 1 });
    ports.run();
    expect(cell.context.total).toBe(200_001);
  });
});
