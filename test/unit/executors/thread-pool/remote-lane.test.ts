import { expect, test } from "vitest";
import type { ThreadEnd } from "#internal/state-machines/thread";
import { RemoteLane } from "#internal/executors/thread-pool/remote-lane";
import { now, type ToProcess } from "#internal/executors/thread-pool/process-protocol";

function lane() {
  const sent: ToProcess[] = [];
  const ends: ThreadEnd[] = [];
  const expected: RemoteLane[] = [];
  const made = new RemoteLane({ pid: undefined, expel: () => undefined, send: (message) => sent.push(message), expectEnd: (one) => expected.push(one) }, 4, 1, { answers: () => undefined, message: () => undefined, exited: (end) => ends.push(end) });
  return { made, sent, ends, expected };
}

const entry = (slot: number, task: number) => [slot, task, 1, 1, [], undefined];

test("a task that is sent to a slot is not taken for the one that ran there before", () => {
  const { made } = lane();
  made.post(entry(3, 100));
  made.runs({ t: "running", link: 4, slot: 3, since: now() - 50, cooperates: true });
  expect(made.running()?.slot).toBe(3);
  expect(made.running()?.elapsed).toBeGreaterThanOrEqual(50);
  made.post(entry(3, 101));
  expect(made.running()).toBeUndefined();
});

test("what its process said last decides what runs and whether it watches its signal", () => {
  const { made } = lane();
  made.runs({ t: "running", link: 4, slot: 0, since: now(), cooperates: true });
  expect(made.cooperates).toBe(true);
  made.runs({ t: "running", link: 4, slot: -1, since: 0, cooperates: false });
  expect([made.running(), made.cooperates]).toEqual([undefined, false]);
});

test("each answer to a revocation goes to who asked", () => {
  const { made, sent } = lane();
  const answers: string[] = [];
  made.revoke(1, (revoked) => answers.push(`one ${revoked}`));
  made.revoke(2, (revoked) => answers.push(`two ${revoked}`));
  expect(sent.map((message) => message.t === "revoke" && message.slot)).toEqual([1, 2]);
  made.revoked({ t: "revoked", link: 4, ticket: 2, revoked: false });
  made.revoked({ t: "revoked", link: 4, ticket: 1, revoked: true });
  made.revoked({ t: "revoked", link: 4, ticket: 1, revoked: true });
  expect(answers).toEqual(["two false", "one true"]);
});

test("when its worker ends, its process says what became of each slot; what it does not name has been answered", () => {
  const { made, ends } = lane();
  made.exited({ t: "exited", link: 4, code: 3, failed: false, error: undefined, fates: [[5, "started"], [6, "unclaimed"]] });
  expect([made.fate(5), made.fate(6), made.fate(7)]).toEqual(["started", "unclaimed", "ended"]);
  expect(ends).toEqual([{ code: 3 }]);
});

test("when its process dies, the fates are those of the notes, by the order in which tasks were sent", () => {
  const { made, ends } = lane();
  made.post([...entry(9, 1), ...entry(8, 2), ...entry(7, 3)]);
  made.died({ code: null, signal: "SIGKILL", host: true }, (order) => (order === 1 ? "ended" : order === 2 ? "started" : "unclaimed"));
  expect([made.fate(9), made.fate(8), made.fate(7)]).toEqual(["ended", "started", "unclaimed"]);
  expect(ends).toEqual([{ code: null, signal: "SIGKILL", host: true }]);
});

test("a task that was seen running has begun, whatever the notes say", () => {
  const { made } = lane();
  made.post(entry(2, 1));
  made.runs({ t: "running", link: 4, slot: 2, since: now(), cooperates: false });
  made.died({ code: null, host: true }, () => "unclaimed");
  expect(made.fate(2)).toBe("started");
});

test("an end is told once, and nothing is asked of a worker that has ended", () => {
  const { made, ends, sent, expected } = lane();
  made.died({ code: 1, host: true }, () => "ended");
  made.died({ code: 1, host: true }, () => "ended");
  made.kill();
  made.revoke(0, () => expect.unreachable());
  expect([ends.length, sent.length, expected.length]).toEqual([1, 0, 0]);
});
