import { realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, expect, test } from "vitest";
import type { FromProcess } from "#internal/executors/thread-pool/process-protocol";
import { Directory, HostedLane } from "#internal/executors/thread-pool/hosted-lane";
import type { LaneLink } from "#internal/executors/thread-pool/host";
import { Claims, claim } from "#internal/executors/thread-pool/claims";

const home = process.cwd();
const away = realpathSync(tmpdir());
afterEach(() => process.chdir(home));

/** A worker that does what the test says. */
class FakeWorker implements LaneLink {
  readonly takesBackAtOnce = true;
  readonly claims = new Claims();
  readonly posted: { slot: number; cwd: string }[] = [];
  killed = false;

  post(frame: unknown[]): void {
    for (let i = 0; i < frame.length; i += 6) this.posted.push({ slot: frame[i] as number, cwd: process.cwd() });
  }
  tell(): void {
    throw new Error("not told anything");
  }
  claim(slot: number): void {
    this.claims.send(slot);
  }
  revoke(slot: number, answer: (revoked: boolean) => void): void {
    answer(this.claims.revoke(slot));
  }
  running() {
    const running = this.claims.running();
    return running === undefined ? undefined : { slot: running.slot, elapsed: performance.timeOrigin + performance.now() - running.startedAt };
  }
  get cooperates(): boolean {
    return this.claims.cooperates;
  }
  refresh(then: () => void): void {
    then();
  }
  fate(slot: number) {
    const word = this.claims.word(slot);
    return word === claim.started ? "started" : word === claim.ended ? "ended" : "unclaimed";
  }
  kill(): void {
    this.killed = true;
  }
}

function hosted() {
  const worker = new FakeWorker();
  const sent: FromProcess[] = [];
  const lane = new HostedLane(2, (message) => sent.push(message), new Directory(), () => undefined);
  lane.link = worker;
  const start = (slot: number) => worker.claims.start(slot, performance.timeOrigin + performance.now());
  const answer = (slot: number) => lane.events.answers([slot, slot, 1, 0, undefined, 1]);
  return { lane, worker, sent, start, answer };
}

const task = (slot: number, cwd?: string) => [slot, slot, 1, 1, [], cwd === undefined ? undefined : { cwd }];

test("tasks for another directory wait until the worker is idle, and those behind them wait too", () => {
  const { lane, worker, answer } = hosted();
  lane.post([...task(1), ...task(2, away), ...task(3), ...task(4)]);
  expect(worker.posted).toEqual([{ slot: 1, cwd: home }]);
  answer(1);
  expect(worker.posted.slice(1)).toEqual([{ slot: 2, cwd: away }]);
  lane.post(task(5, away));
  answer(2);
  expect(worker.posted.slice(2)).toEqual([{ slot: 3, cwd: home }, { slot: 4, cwd: home }]);
  answer(3);
  answer(4);
  expect(worker.posted.slice(4)).toEqual([{ slot: 5, cwd: away }]);
});

test("a task that is held back can be taken back", () => {
  const { lane, worker, sent } = hosted();
  lane.post([...task(1), ...task(2, away)]);
  lane.revoke(2, 77);
  expect(sent).toContainEqual({ t: "revoked", link: 2, ticket: 77, revoked: true });
  expect(worker.claims.start(2, 1)).toBe(false);
});

test("the answer to a revocation that came too late is preceded by what runs", () => {
  const { lane, sent, start } = hosted();
  lane.post(task(1));
  expect(start(1)).toBe(true);
  lane.revoke(1, 5);
  expect(sent.map(({ t }) => t)).toEqual(["running", "revoked"]);
  expect(sent).toMatchObject([{ slot: 1, cooperates: false }, { revoked: false }]);
});

test("the head is told what runs when that has changed, and not again", () => {
  const { lane, worker, sent, start, answer } = hosted();
  expect(lane.observe()).toBe(false);
  lane.post([...task(1), ...task(2)]);
  start(1);
  expect([lane.observe(), lane.observe()]).toEqual([true, true]);
  expect(sent).toMatchObject([{ t: "running", slot: 1 }]);
  worker.claims.cooperate();
  lane.observe();
  expect(sent).toMatchObject([{}, { t: "running", slot: 1, cooperates: true }]);
  worker.claims.end(1);
  answer(1);
  worker.claims.end(2);
  answer(2);
  expect(lane.observe()).toBe(false);
  expect(sent.at(-1)).toMatchObject({ t: "running", slot: -1, cooperates: false });
});

test("a report comes after the news that its task runs", () => {
  const { lane, sent, start } = hosted();
  lane.post(task(1));
  start(1);
  lane.events.message({ t: "report", task: 1, attempt: 1, value: 5 });
  expect(sent.map(({ t }) => t)).toEqual(["running", "message"]);
});

test("the fates of what is out are known when the worker has ended", () => {
  const { lane, worker, start, answer } = hosted();
  lane.post([...task(1), ...task(2), ...task(3), ...task(4)]);
  start(1);
  worker.claims.end(1);
  answer(1);
  start(2);
  worker.claims.end(2);
  start(3);
  expect(new Map(lane.fates())).toEqual(new Map([[2, "ended"], [3, "started"], [4, "unclaimed"]]));
});
