import { expect, test } from "vitest";
import { Dispatcher } from "#internal/actors/dispatcher";
import { simulatedPorts } from "#internal/actors/simulated-ports";
import type { Work, WorkListener } from "#internal/executors/executor";
import { ByteWriter } from "#internal/executors/high-throughput/bytes";
import { FrontEnd } from "#internal/executors/high-throughput/front-end";
import type { InterchangeWay } from "#internal/executors/high-throughput/outbound";
import { outcome, TaskRecords, writeFailure, writeLoss, writeNote } from "#internal/executors/high-throughput/records";

/** A front end whose interchanges are the test. */
class Bench {
  readonly sim = simulatedPorts(1);
  readonly told: string[] = [];
  readonly asked: string[] = [];
  readonly frontEnd: FrontEnd;
  readonly work: Work = { taskId: 1, app: { key: 1, name: "a", code: undefined, expected: -1 }, place: undefined, priority: undefined, walltime: 0, argumentsFor: () => [], shellFor: () => undefined, settingFor: () => undefined };

  constructor() {
    const tell = (what: string) => (_: unknown, attempt: number): void => void this.told.push(`${what} ${attempt}`);
    const listener: WorkListener = { sent: tell("sent"), started: tell("started"), requeued: tell("requeued"), answered: tell("answered"), revoked: tell("revoked"), released: tell("released"), failed: (_, attempt, { charge, held }) => void this.told.push(`failed ${attempt} ${charge}${held ? " held" : ""}`), news: () => undefined };
    this.frontEnd = new FrontEnd({ label: "far", incarnation: 1, expectedWorkers: 1, ownsProcesses: false }, new Dispatcher(this.sim), listener, { offered: () => undefined, describe: () => "", tree: () => [], stop: () => Promise.resolve() }, (error) => this.told.push(String(error)));
    void this.frontEnd.start();
    this.sim.run();
  }

  connect(): void {
    this.join();
    this.sim.run();
  }

  join(): void {
    const way: InterchangeWay = {
      submit: (records) => {
        for (const each = new TaskRecords(records); each.next(); ) this.asked.push(`submit ${each.task}.${each.attempt}`);
      },
      define: () => undefined,
      cancel: (task, attempt) => void this.asked.push(`cancel ${task}.${attempt}`),
      expect: (tokens) => void this.asked.push(`expect ${JSON.stringify(tokens)}`),
    };
    this.frontEnd.connect(way);
  }

  hear(write: (writer: ByteWriter) => void): void {
    this.outcomes(write);
    this.sim.run();
  }

  outcomes(write: (writer: ByteWriter) => void): void {
    const writer = new ByteWriter();
    write(writer);
    this.frontEnd.outcomes(writer.take());
  }

  submit(): void {
    this.frontEnd.submit(this.work, 1);
    this.sim.run();
  }

  cancel(): void {
    this.frontEnd.cancel(this.work, 1, "cancelled", () => this.told.push("confirmed"));
    this.sim.run();
  }
}

const note = (kind: Parameters<typeof writeNote>[3]) => (writer: ByteWriter) => writeNote(writer, 1, 1, kind);

test("a task that is taken back while word of its sending is on its way is taken back, once", () => {
  const bench = new Bench();
  bench.connect();
  bench.submit();
  bench.cancel();
  bench.hear(note(outcome.sent));
  expect(bench.told).toEqual([]);
  bench.hear(note(outcome.revoked));
  expect(bench.told).toEqual(["confirmed", "revoked 1"]);
  expect(bench.asked).toEqual(["expect []", "submit 1.1", "cancel 1.1"]);
});

test("a task that is taken back is not over since it waits again: it may be sent before the interchange hears of that", () => {
  const bench = new Bench();
  bench.connect();
  bench.submit();
  bench.hear(note(outcome.sent));
  bench.cancel();
  bench.hear((writer) => {
    note(outcome.requeued)(writer);
    note(outcome.sent)(writer);
  });
  expect(bench.told).toEqual(["sent 1"]);
  bench.hear(note(outcome.revoked));
  expect(bench.told).toEqual(["sent 1", "confirmed", "revoked 1"]);
});

test("what is told in one piece is taken in its order, however long the messages wait", () => {
  const bench = new Bench();
  bench.connect();
  bench.submit();
  bench.hear((writer) => {
    for (const kind of [outcome.sent, outcome.requeued, outcome.sent, outcome.requeued, outcome.sent, outcome.started] as const) note(kind)(writer);
  });
  expect(bench.told).toEqual(["sent 1", "sent 1", "sent 1", "requeued 1", "requeued 1", "started 1"].sort((a, b) => bench.told.indexOf(a) - bench.told.indexOf(b)));
  expect(bench.frontEnd.tree().at(-1)?.state).toBe("started");
});

test("a new interchange is told what waits before what is out, and takes back what was taken back", () => {
  const bench = new Bench();
  bench.submit();
  bench.connect();
  expect(bench.asked).toEqual(["submit 1.1", "expect []"]);
  bench.hear(note(outcome.sent));
  bench.frontEnd.disconnect();
  bench.cancel();
  bench.asked.length = 0;
  bench.connect();
  expect(bench.asked).toEqual(["expect [[1,1]]", "cancel 1.1"]);
});

test("what an interchange told last is taken before the next is told anything, in whatever turn that comes", () => {
  const bench = new Bench();
  bench.connect();
  bench.submit();
  bench.asked.length = 0;
  bench.outcomes(note(outcome.sent));
  bench.frontEnd.disconnect();
  bench.join();
  bench.cancel();
  expect(bench.asked).toEqual(["expect [[1,1]]", "cancel 1.1"]);
  bench.hear(note(outcome.requeued));
  expect(bench.told).toEqual(["sent 1"]);
  bench.hear(note(outcome.revoked));
  expect(bench.told).toEqual(["sent 1", "confirmed", "revoked 1"]);
});

test("an interchange that has gone before it was joined is told nothing", () => {
  const bench = new Bench();
  bench.join();
  bench.frontEnd.disconnect();
  bench.submit();
  expect(bench.asked).toEqual([]);
  bench.connect();
  expect(bench.asked).toEqual(["submit 1.1", "expect []"]);
});

test("what a worker holds is expected of the next interchange, and released where nobody has it", () => {
  const bench = new Bench();
  bench.connect();
  bench.submit();
  bench.hear((writer) => {
    note(outcome.sent)(writer);
    writeFailure(writer, 1, 1, { error: new Error("over its walltime"), charge: "app", held: true });
  });
  expect(bench.told).toEqual(["sent 1", "failed 1 app held"]);
  bench.frontEnd.disconnect();
  bench.asked.length = 0;
  bench.connect();
  expect(bench.asked).toEqual(["expect [[1,1]]"]);
  bench.hear((writer) => writeLoss(writer, 1, 1, { manager: "", host: "", block: "", loss: "not-back", silentMs: 1, suspect: false }));
  expect(bench.told.at(-1)).toBe("released 1");
});
