import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ByteReader, ByteWriter } from "#internal/executors/high-throughput/bytes";
import { newsHead, readNews, writeNews } from "#internal/executors/high-throughput/contents";
import { outcome, OutcomeRecords, readAnswer, readFailure, readLoss, readTask, TaskRecords, writeAnswer, writeFailure, writeLoss, writeNote, writeTask } from "#internal/executors/high-throughput/records";
import type { Answer, Work } from "#internal/executors/executor";
import type { Encoded } from "#internal/serialization/index";

const bytes = fc.uint8Array({ maxLength: 300 });
const encoded: fc.Arbitrary<Encoded> = fc.oneof(
  fc.constantFrom(undefined, null, true, false, 0, -0, NaN, Infinity, -Infinity, ""),
  fc.double(),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.bigInt(),
  bytes,
  fc.record({ bytes, buffers: fc.array(bytes.map((one) => one.slice().buffer as ArrayBuffer), { maxLength: 3 }) }),
);
const token = fc.record({ task: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), attempt: fc.integer({ min: 1, max: 2 ** 32 - 1 }) });
const ms = fc.double({ min: 0, max: 1e9, noNaN: true });

/** Every way to read what is there, none of which may do more than throw a RangeError. */
const fates = new Set(["RangeError"]);
function refusal(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}

describe("bytes", () => {
  test("every value comes back as it was, in memory of its own", () => {
    fc.assert(fc.property(fc.array(encoded, { maxLength: 20 }), (values) => {
      const writer = new ByteWriter(16);
      for (const value of values) writer.encoded(value);
      const memory = writer.take();
      const reader = new ByteReader(memory);
      const read = values.map(() => reader.encoded());
      expect(reader.left).toBe(0);
      memory.fill(0);
      expect(read).toEqual(values.map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value)));
    }));
  });

  test("garbage is refused by a RangeError, and takes no more memory than it has", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(16), (garbage, at) => {
      const reader = new ByteReader(garbage).moveTo(at);
      const why = refusal(() => {
        for (let i = 0; i < 20; i++) expect(sizeOf(reader.encoded())).toBeLessThanOrEqual(garbage.length * 4);
      });
      expect(fates.has(why ?? "RangeError"), why).toBe(true);
    }), { numRuns: 2000 });
  });

  test("a length that is not there is refused before anything is made for it", () => {
    for (const tag of [5, 6, 7, 8]) expect(() => new ByteReader(Uint8Array.of(tag, 0xff, 0xff, 0xff, 0xff)).encoded()).toThrow(RangeError);
    expect(() => new ByteReader(Uint8Array.of(8, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f)).encoded()).toThrow(/pieces of memory/);
    expect(() => new ByteReader(Uint8Array.of(99)).encoded()).toThrow(/tag 99/);
    expect(() => new ByteReader(Uint8Array.of(6, 2, 0, 0, 0, 0x7a, 0x7a)).encoded(), "digits of a bigint that are none").toThrow(RangeError);
  });

  test("a writer that has grown large gives its memory back", () => {
    const writer = new ByteWriter(16);
    writer.bytes(new Uint8Array(100_000));
    expect(writer.take().length).toBe(100_000);
    writer.u8(7);
    expect([...writer.take()]).toEqual([7]);
  });
});

const sizeOf = (value: Encoded): number => (typeof value === "string" ? value.length : value instanceof Uint8Array ? value.length : value !== null && typeof value === "object" ? value.bytes.length + value.buffers.reduce((sum, { byteLength }) => sum + byteLength, 0) : 0);

const work = fc.record({
  taskId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  key: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  priority: fc.option(fc.integer(), { nil: undefined }),
  walltime: ms,
  args: fc.array(encoded, { maxLength: 4 }),
  setting: fc.option(fc.record({ cwd: fc.string(), env: fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }).filter((name) => name !== "__proto__"), fc.string(), { maxKeys: 3, noNullPrototype: true }) }), { nil: undefined }),
  shell: fc.option(fc.record({ command: fc.string({ unit: "binary" }), strict: fc.boolean(), capture: fc.boolean() }), { nil: undefined }),
}).map(({ taskId, key, priority, walltime, args, setting, shell }): Work & { args: readonly Encoded[] } => ({
  taskId, priority, walltime, place: undefined, args,
  app: { key, name: "a", code: undefined, expected: -1 },
  argumentsFor: () => args, settingFor: () => setting, shellFor: () => shell,
}));

describe("records of tasks", () => {
  test("come back as they were, one after another", () => {
    fc.assert(fc.property(fc.array(fc.tuple(work, fc.integer({ min: 1, max: 1000 })), { maxLength: 5 }), (all) => {
      const writer = new ByteWriter(16);
      for (const [one, attempt] of all) writeTask(writer, one, attempt);
      const memory = writer.take();
      const each = new TaskRecords(memory);
      for (const [one, attempt] of all) {
        expect(each.next()).toBe(true);
        expect({ task: each.task, attempt: each.attempt, priority: each.priority, walltime: each.walltime, app: each.app }).toEqual({ task: one.taskId, attempt, priority: one.priority ?? Infinity, walltime: one.walltime, app: one.app.key });
        expect(readTask(memory, each.from)).toEqual({ args: one.args.map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value)), setting: one.settingFor(1), shell: one.shellFor(1) });
      }
      expect(each.next()).toBe(false);
    }));
  });

  test("what cannot travel leaves the writer as it was", () => {
    const writer = new ByteWriter(16);
    writer.u8(1);
    const bad = { taskId: 1, app: { key: 1 }, argumentsFor: () => { throw new TypeError("no"); } } as unknown as Work;
    expect(() => writeTask(writer, bad, 1)).toThrow("no");
    expect([...writer.take()]).toEqual([1]);
  });
});

describe("records of outcomes", () => {
  const answer: fc.Arbitrary<Answer> = fc.oneof(
    fc.record({ ok: fc.constant(true as const), value: encoded, ms }),
    fc.record({ ok: fc.constant(false as const), thrown: encoded, ms }),
    fc.record({ shell: fc.record({ code: fc.option(fc.nat(255), { nil: null }), signal: fc.option(fc.constant("SIGTERM"), { nil: null }), stderrTail: fc.string() }) }),
  );

  test("answers, failures, losses and notes come back as they were", () => {
    fc.assert(fc.property(fc.array(fc.tuple(token, answer), { maxLength: 5 }), token, (all, other) => {
      const writer = new ByteWriter(16);
      for (const [{ task, attempt }, one] of all) writeAnswer(writer, task, attempt, one);
      writeFailure(writer, other.task, other.attempt, { error: new RangeError("it broke"), charge: "lost", held: true });
      const loss = { manager: "m", host: "h", block: "b", loss: "silent", silentMs: 12, suspect: true };
      writeLoss(writer, other.task, other.attempt, loss);
      writeNote(writer, other.task, other.attempt, outcome.started, 7);
      const each = new OutcomeRecords(writer.take());
      for (const [{ task, attempt }, one] of all) {
        expect(each.next()).toBe(true);
        expect([each.task, each.attempt]).toEqual([task, attempt]);
        expect(readAnswer(each)).toEqual("shell" in one ? one : one.ok ? { ...one, value: plain(one.value) } : { ...one, thrown: plain(one.thrown) });
      }
      expect(each.next() && each.isHeld).toBe(true);
      expect(readFailure(each)).toMatchObject({ charge: "lost", held: true, error: { name: "RangeError", message: "it broke" } });
      expect(each.next() && readLoss(each)).toEqual(loss);
      expect(each.next() && [each.kind, each.ms]).toEqual([outcome.started, 7]);
      expect(each.next()).toBe(false);
    }));
  });

  test("contents that are not what they should be are refused by a RangeError", () => {
    fc.assert(fc.property(fc.constantFrom(outcome.value, outcome.thrown, outcome.shell, outcome.lost), fc.uint8Array({ maxLength: 60 }), (kind, garbage) => {
      const each = new OutcomeRecords(record(kind, garbage));
      each.next();
      const why = refusal(() => (kind === outcome.lost ? readLoss(each) : readAnswer(each)));
      expect(fates.has(why ?? "RangeError"), why).toBe(true);
    }), { numRuns: 2000 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (garbage) => {
      const memory = new Uint8Array(36 + garbage.length);
      memory.set(garbage, 36);
      const why = refusal(() => readTask(memory, 0));
      expect(fates.has(why ?? "RangeError"), why).toBe(true);
    }), { numRuns: 2000 });
  });

  test("an error of a command that could not be run travels with its answer", () => {
    const writer = new ByteWriter(16);
    writeAnswer(writer, 1, 1, { shell: { code: null, signal: null, stderrTail: "", error: new TypeError("no bash") } });
    const each = new OutcomeRecords(writer.take());
    expect(each.next() && readAnswer(each)).toMatchObject({ shell: { code: null, error: { name: "TypeError", message: "no bash" } } });
  });

  test("garbage is refused by a RangeError, and never read beyond its end", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (garbage) => {
      for (const records of [new TaskRecords(garbage), new OutcomeRecords(garbage)]) {
        const why = refusal(() => {
          while (records.next()) expect(records.to).toBeLessThanOrEqual(garbage.length);
        });
        expect(fates.has(why ?? "RangeError"), why).toBe(true);
      }
    }), { numRuns: 2000 });
  });

  test("a record whose length leads beyond the end, or not to its next one, is refused", () => {
    const writer = new ByteWriter(16);
    writeNote(writer, 1, 1, outcome.started);
    const whole = writer.take();
    for (let length = 1; length < whole.length; length++) expect(() => new OutcomeRecords(whole.subarray(0, length)).next()).toThrow(RangeError);
    for (const length of [0, 1, 27, 29, 2 ** 32 - 1]) {
      new DataView(whole.buffer).setUint32(0, length, true);
      expect(() => new OutcomeRecords(whole).next(), String(length)).toThrow(RangeError);
    }
  });
});

/** A record of an outcome with these contents. */
function record(kind: number, contents: Uint8Array): Uint8Array {
  const memory = new Uint8Array(28 + contents.length);
  const view = new DataView(memory.buffer);
  view.setUint32(0, memory.length, true);
  view.setUint32(16, kind, true);
  memory.set(contents, 28);
  return memory;
}

const plain = (value: Encoded): Encoded => (value instanceof Uint8Array ? new Uint8Array(value) : value);

describe("news", () => {
  test("come back as they were, and say whose they are", () => {
    fc.assert(fc.property(token, fc.oneof(
      fc.record({ kind: fc.constant("log" as const), line: fc.string({ unit: "binary" }) }),
      fc.record({ kind: fc.constant("progress" as const), fraction: fc.double({ noNaN: true }), note: fc.option(fc.string(), { nil: undefined }) }),
      fc.record({ kind: fc.constant("report" as const), value: fc.jsonValue() }),
    ), ({ task, attempt }, news) => {
      const written = writeNews(task, attempt, news);
      expect(readNews(written)).toEqual({ task, attempt, news });
      expect(newsHead(written)).toEqual({ task, attempt, isLate: false });
    }));
    expect(newsHead(writeNews(0, 0, { kind: "late-error", error: new Error("late") }))).toEqual({ task: 0, attempt: 0, isLate: true });
  });

  test("garbage is refused", () => {
    for (const length of [0, 5, 12]) expect(() => newsHead(new Uint8Array(length))).toThrow(RangeError);
    expect(() => readNews(new Uint8Array(13).fill(9))).toThrow(RangeError);
  });
});
