import { spawnSync } from "node:child_process";
import { map, take, toArray, filter, share, firstValueFrom } from "rxjs";
import { describe, expect, it } from "vitest";
import { Announcer } from "#internal/actors/streams";

const boom = (): never => {
  throw new Error("planned");
};

describe("an announcer", () => {
  it("tells every subscriber what comes after it subscribed, until it unsubscribes", () => {
    const announcer = new Announcer<number>();
    const seen: string[] = [];
    expect(announcer.observed).toBe(false);
    const one = announcer.observable.subscribe((n) => seen.push(`one ${n}`));
    announcer.next(1);
    announcer.observable.subscribe({ next: (n) => void seen.push(`two ${n}`), complete: () => void seen.push("two is done") });
    announcer.next(2);
    one.unsubscribe();
    announcer.next(3);
    announcer.complete();
    announcer.next(4);
    expect(seen).toEqual(["one 1", "one 2", "two 2", "two 3", "two is done"]);
    expect(announcer.observed).toBe(false);
  });

  it("completes those who come after its end", () => {
    const announcer = new Announcer<number>();
    announcer.complete();
    let done = false;
    announcer.observable.subscribe({ complete: () => void (done = true) });
    expect(done).toBe(true);
  });

  it("tells a new subscriber the latest value where there is one", () => {
    const state: { latest?: number } = {};
    const announcer = new Announcer<number>(() => state.latest);
    const seen: number[] = [];
    announcer.observable.subscribe((n) => seen.push(n));
    state.latest = 5;
    announcer.observable.subscribe((n) => seen.push(n));
    expect(seen).toEqual([5]);
  });

  it("works with the operators of RxJS", async () => {
    const announcer = new Announcer<number>();
    const all = firstValueFrom(announcer.observable.pipe(filter((n) => n % 2 === 0), map((n) => n * 10), take(2), toArray()));
    for (let n = 1; n < 9; n++) announcer.next(n);
    expect(await all).toEqual([20, 40]);
    expect(announcer.observed).toBe(false);
  });

  it("counts a subscriber that throws, keeps it, and goes on to its siblings", () => {
    const announcer = new Announcer<number>();
    const seen: number[] = [];
    let thrown = 0;
    announcer.observable.subscribe(() => {
      thrown++;
      boom();
    });
    announcer.observable.subscribe((n) => seen.push(n));
    announcer.next(1);
    announcer.next(2);
    expect(seen).toEqual([1, 2]);
    expect(thrown).toBe(2);
    expect(announcer.failures).toMatchObject({ count: 2, last: { message: "planned" } });
  });

  it("survives unsubscribing and subscribing in the middle of an announcement", () => {
    const announcer = new Announcer<number>();
    const seen: string[] = [];
    const other = { subscription: undefined as { unsubscribe(): void } | undefined };
    announcer.observable.subscribe((n) => {
      seen.push(`first ${n}`);
      other.subscription?.unsubscribe();
      if (n === 1) announcer.observable.subscribe((m) => seen.push(`late ${m}`));
    });
    other.subscription = announcer.observable.subscribe((n) => seen.push(`other ${n}`));
    announcer.next(1);
    announcer.next(2);
    expect(seen).toEqual(["first 1", "first 2", "late 2"]);
  });

  it("lets nothing a subscriber throws reach the process, through operators, ends and promises neither", () => {
    const script = `
      import { finalize, map, share, take } from "rxjs";
      import { Announcer } from ${JSON.stringify(new URL("../../../dist/actors/streams.js", import.meta.url).href)};
      const boom = () => { throw new Error("planned"); };
      const announcer = new Announcer();
      announcer.observable.subscribe(boom);
      announcer.observable.subscribe({ next: boom, complete: boom });
      announcer.observable.subscribe(async () => boom());
      announcer.observable.pipe(map(boom)).subscribe();
      announcer.observable.pipe(map(boom)).subscribe({ error: boom });
      announcer.observable.pipe(map((n) => n)).subscribe(boom);
      announcer.observable.pipe(share()).subscribe(boom);
      announcer.observable.pipe(take(1), finalize(boom)).subscribe();
      announcer.observable.subscribe((n) => console.log("sibling", n));
      announcer.next(1);
      announcer.next(2);
      announcer.complete();
      setTimeout(() => console.log("failures", announcer.failures.count > 8), 5);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: new URL("../../..", import.meta.url) });
    expect(stderr).toBe("");
    expect(stdout.trim().split("\n")).toEqual(["sibling 1", "sibling 2", "failures true"]);
    expect(status).toBe(0);
  });

  it("can be shared", () => {
    const announcer = new Announcer<number>();
    const seen: number[] = [];
    const shared = announcer.observable.pipe(share());
    shared.subscribe((n) => seen.push(n));
    shared.subscribe((n) => seen.push(-n));
    announcer.next(1);
    expect(seen).toEqual([1, -1]);
  });
});
