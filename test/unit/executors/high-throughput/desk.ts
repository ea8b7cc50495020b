import { Dispatcher } from "#internal/actors/dispatcher";
import { controlCodec } from "#internal/actors/links/control";
import { simulatedPorts, type SimulatedPorts } from "#internal/actors/simulated-ports";
import type { Work } from "#internal/executors/executor";
import { ByteWriter } from "#internal/executors/high-throughput/bytes";
import { Interchange } from "#internal/executors/high-throughput/interchange/interchange";
import type { InterchangeEvent, InterchangeOptions } from "#internal/executors/high-throughput/interchange/types";
import type { ManagerNode } from "#internal/executors/high-throughput/interchange/node";
import { frame, type Registration } from "#internal/executors/high-throughput/protocol";
import { outcome, OutcomeRecords, TaskRecords, writeAnswer, writeNote, writeTask } from "#internal/executors/high-throughput/records";

const codec = await controlCodec();

/** A manager as its interchange meets it: does what it is told by hand. */
export class DeskManager {
  readonly has: number[] = [];
  /** Types of frames that it was sent besides tasks. */
  readonly told: number[] = [];
  closed = false;
  private number = 0;
  private node!: ManagerNode;
  readonly facts: Registration;

  constructor(
    private readonly desk: Desk,
    facts: Partial<Registration>,
  ) {
    const block = facts.block ?? "block-1";
    this.facts = { uid: `${block}.${facts.rank ?? 0}`, block, rank: 0, host: "here", pid: 1, cores: 4, memoryMb: 4096, accelerators: [], versions: {}, workers: 4, prefetch: 0, remainingMs: null, has: [], told: 0, ...facts };
    this.register();
  }

  register(): void {
    this.node = this.desk.interchange.register({ ...this.facts, has: this.has.map((task) => [task, 1] as const) }, {
      backlog: 0,
      send: (type, _header, payload = []) => this.receive(type, payload),
      onDrain: () => undefined,
      close: () => (this.closed = true),
    });
    this.desk.settle();
  }

  private receive(type: number, payload: readonly Uint8Array[]): void {
    if (type !== frame.tasks) this.told.push(type);
    else for (const piece of payload) for (const each = new TaskRecords(piece); each.next(); ) this.has.push(each.task);
  }

  /** Tells that these are done. */
  done(...tasks: number[]): void {
    const writer = new ByteWriter();
    for (const task of tasks) {
      this.has.splice(this.has.indexOf(task), 1);
      writeAnswer(writer, task, 1, { ok: true, value: undefined, ms: 5000 });
    }
    this.tell(writer, tasks.length);
  }

  started(task: number): void {
    const writer = new ByteWriter();
    writeNote(writer, task, 1, outcome.started);
    this.tell(writer, 1);
  }

  private tell(writer: ByteWriter, count: number): void {
    this.desk.interchange.outcomes(this.node, this.number + 1, writer.take());
    this.number += count;
    this.desk.settle();
  }

  alive(): void {
    this.desk.interchange.heard(this.node);
    this.desk.settle();
  }

  cut(): void {
    const { link } = this.node;
    if (link !== undefined) this.desk.interchange.linkLost(this.node, link);
    this.desk.settle();
  }

  leave(): void {
    this.desk.interchange.left(this.node);
    this.desk.settle();
  }
}

/** An interchange with nothing around it but simulated time. */
export class Desk {
  readonly sim: SimulatedPorts = simulatedPorts(1);
  readonly dispatcher = new Dispatcher(this.sim);
  readonly events: InterchangeEvent[] = [];
  /** Kinds of outcomes that the head was told, by task. */
  readonly outcomes = new Map<number, number[]>();
  readonly interchange: Interchange;
  private tasks = 0;

  constructor(options: Partial<InterchangeOptions> = {}) {
    this.interchange = new Interchange(
      { label: "desk", epoch: 1, selector: "least-loaded", heartbeatMs: 1e9, leaseMs: 3e9, reconnectMs: 150, ...options },
      {
        dispatcher: this.dispatcher, codec,
        toHead: (records) => {
          for (const each = new OutcomeRecords(records); each.next(); ) this.outcomes.set(each.task, [...(this.outcomes.get(each.task) ?? []), each.kind]);
        },
        news: () => undefined,
        event: (event) => void this.events.push(event),
        ofActor: () => undefined,
        broken: (error) => {
          throw error;
        },
      },
    );
  }

  manager(facts: Partial<Registration> = {}): DeskManager {
    return new DeskManager(this, facts);
  }

  /** The ids of so many new tasks that are all alike. */
  submit(count: number, work: Partial<Work> & { readonly key?: number } = {}): number[] {
    const writer = new ByteWriter();
    const ids = Array.from({ length: count }, () => ++this.tasks);
    const app = { key: work.key ?? 1, name: "task", code: undefined, expected: -1 };
    for (const taskId of ids) writeTask(writer, { taskId, app, place: undefined, priority: undefined, walltime: 0, argumentsFor: () => [], shellFor: () => undefined, settingFor: () => undefined, ...work }, 1);
    this.interchange.submit(writer.take());
    this.settle();
    return ids;
  }

  cancel(task: number): void {
    this.interchange.cancel(task, 1);
    this.settle();
  }

  /** What is to happen now has happened. */
  settle(): void {
    this.pass(3);
  }

  pass(ms: number): void {
    this.sim.runFor(ms);
  }

  heard(kind: InterchangeEvent["t"]): readonly InterchangeEvent[] {
    return this.events.filter(({ t }) => t === kind);
  }
}
