import { closeSync, fstatSync, writeSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { Claims } from "#internal/executors/thread-pool/claims";
import { clearNote, makeNotes, NotedClaims, readFates } from "#internal/executors/thread-pool/start-notes";

const notes = makeNotes();
afterAll(() => closeSync(notes));

const fates = (lane: number, count: number) => Array.from({ length: count }, (_, i) => readFates(notes, lane)(i + 1));

test("the notes are a file that has no name", () => {
  expect(fstatSync(notes).nlink).toBe(0);
});

test("what a worker had begun is known without it: what was before has ended, what comes after is unclaimed", () => {
  clearNote(notes, 3);
  expect(fates(3, 2)).toEqual(["unclaimed", "unclaimed"]);
  const head = new Claims();
  const worker = new NotedClaims(head.buffer, notes, 3);
  for (const slot of [7, 8, 9]) head.send(slot);
  expect(worker.start(7, 1)).toBe(true);
  expect(fates(3, 3)).toEqual(["started", "unclaimed", "unclaimed"]);
  worker.end(7);
  worker.rest();
  expect(fates(3, 3)).toEqual(["ended", "unclaimed", "unclaimed"]);
  expect(worker.start(8, 2)).toBe(true);
  expect(fates(3, 3)).toEqual(["ended", "started", "unclaimed"]);
  worker.end(8);
  expect(worker.start(9, 3)).toBe(true);
  worker.rest();
  expect(fates(3, 3)).toEqual(["ended", "ended", "started"]);
});

test("a task that was taken back has its place in the order, and is never noted as begun", () => {
  clearNote(notes, 0);
  const head = new Claims();
  const worker = new NotedClaims(head.buffer, notes, 0);
  for (const slot of [0, 1]) head.send(slot);
  expect(head.revoke(0)).toBe(true);
  expect(worker.start(0, 1)).toBe(false);
  expect(fates(0, 2)).toEqual(["unclaimed", "unclaimed"]);
  expect(worker.start(1, 1)).toBe(true);
  expect(fates(0, 2)[1]).toBe("started");
});

test("a lane's new worker begins with a blank note, and lanes do not share theirs", () => {
  const one = new NotedClaims(new SharedArrayBuffer(new Claims().buffer.byteLength), notes, 5);
  expect(one.start(0, 1)).toBe(false);
  clearNote(notes, 5);
  clearNote(notes, 6);
  const head = new Claims();
  head.send(0);
  expect(new NotedClaims(head.buffer, notes, 6).start(0, 1)).toBe(true);
  expect([fates(5, 1), fates(6, 1)]).toEqual([["unclaimed"], ["started"]]);
});

test.each([["garbage", Buffer.from("garbage!")], ["a tiny number", Buffer.from(new Float64Array([1e-300]).buffer)], ["what is negative", Buffer.from(new Float64Array([-4]).buffer)]])("who wrote %s over the notes had begun: its task is not sent again as if it had not", (_, bytes) => {
  writeSync(notes, bytes, 0, 8, 5 * 8);
  expect(fates(5, 2)).toEqual(["started", "started"]);
});
