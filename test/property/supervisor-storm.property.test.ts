import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { simulate } from "#internal/supervisors/simulation";
import type { ActorRef, ChildSpec, EndReason, Self, Supervisor, SupervisorSpec } from "#internal/supervisors/types";
import { describeViolation, InvariantChecker } from "#internal/testing/index";
import { supervisionRules } from "./supervision-rules.js";

/** One thing that happens at a time of its own, whatever else is going on. */
interface Event {
  readonly at: number;
  readonly what: "fail" | "exit" | "stop" | "restart" | "start" | "delete" | "tell" | "ask" | "shutdown-inner";
  readonly pick: number;
}

interface Storm {
  readonly seed: number;
  readonly shape: readonly (readonly ("permanent" | "transient" | "temporary")[])[];
  readonly strategy: "one_for_one" | "one_for_all" | "rest_for_one";
  readonly intensity: number;
  readonly events: readonly Event[];
  readonly end: number;
}

const storm: fc.Arbitrary<Storm> = fc.record({
  seed: fc.integer(),
  shape: fc.array(fc.array(fc.constantFrom("permanent", "transient", "temporary"), { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
  strategy: fc.constantFrom("one_for_one", "one_for_all", "rest_for_one"),
  intensity: fc.nat(12),
  events: fc.array(fc.record({ at: fc.nat(200), what: fc.constantFrom("fail", "fail", "fail", "exit", "stop", "restart", "start", "delete", "tell", "ask", "shutdown-inner"), pick: fc.nat(50) }), { maxLength: 40 }),
  end: fc.integer({ min: 1, max: 300 }),
});

/** Runs it, watching for what may never happen. Gives all transitions, to compare runs. */
async function weather({ seed, shape, strategy, intensity, events, end }: Storm): Promise<string[]> {
  const { system, ports } = simulate(seed, "storm");
  const { clock, random } = ports;
  const transitions: string[] = [];
  const checker = new InvariantChecker({ invariants: supervisionRules, slack: 10 });
  system.transitions$.subscribe((record) => {
    const { seq, kind, id, to, message, outcome } = record;
    checker.feed(record);
    transitions.push(`${clock.now()} ${seq} ${kind} ${id} ${to} ${message.type}`);
    expect(outcome, `${kind} ${id}`).not.toBe("crashed");
  });
  const alive = new Map<string, number>();
  const refs: ActorRef[] = [];
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  const worker = (id: string, restart: ChildSpec["restart"]): ChildSpec => ({
    id,
    restart: restart ?? "permanent",
    shutdown: 30,
    startTimeout: 40,
    backoff: random.next() < 0.3 ? { min: 5, max: 40 } : false,
    run: async (self: Self<"fail" | "exit" | "ping">) => {
      const { path } = self.ref;
      expect(alive.get(path), `${path} runs twice`).toBeUndefined();
      alive.set(path, self.incarnation);
      self.signal.addEventListener("abort", () => alive.delete(path));
      refs.push(self.ref);
      self.onStop(() => (random.next() < 0.3 ? pause(random.next() * 60) : undefined));
      self.receive(async (message, reply) => {
        if (random.next() < 0.3) await pause(random.next() * 10);
        if (message === "fail") throw new Error("planned");
        if (message === "exit") self.exit("normal");
        reply(message);
      });
      if (random.next() < 0.4) await pause(random.next() * 60);
      if (random.next() < 0.15) throw new Error("planned failure of a start");
    },
  });
  const inner = (kinds: readonly ChildSpec["restart"][], n: number): ChildSpec => ({ id: `inner-${n}`, restart: n === 0 ? "transient" : "permanent", supervisor: { strategy, intensity, period: 100, children: kinds.map((kind, i) => worker(`w${i}`, kind)) } });
  const spec: SupervisorSpec = { strategy, intensity, period: 100, children: shape.map(inner) };
  const answers: Promise<unknown>[] = [];
  const answered = (call: Promise<unknown>): void => void answers.push(call.catch(() => undefined));
  const supervisors = (): Supervisor[] => refs.length === 0 ? [] : [...new Set(innerRefs().map(({ supervisor }) => supervisor))].filter((one) => one !== undefined);
  let top: Supervisor | undefined;
  const innerRefs = (): ActorRef[] => (top?.children() ?? []).map(({ ref }) => ref).filter((ref): ref is ActorRef => typeof ref === "object");
  const happen = ({ what, pick }: Event): void => {
    const ref = refs[pick % Math.max(1, refs.length)];
    const all = [...supervisors(), ...(top === undefined ? [] : [top])];
    const supervisor = all[pick % Math.max(1, all.length)];
    const id = `w${pick % 4}`;
    if (what === "fail" || what === "exit") ref?.tell(what);
    else if (what === "tell") ref?.tell("ping");
    else if (what === "ask") answered(ref?.ask("ping", { timeout: 50 }) ?? Promise.resolve());
    else if (what === "start") answered(supervisor?.start(worker(id, "transient")) ?? Promise.resolve());
    else if (what === "shutdown-inner") answered(innerRefs()[pick % 3]?.supervisor?.shutdown() ?? Promise.resolve());
    else answered(supervisor?.[what](supervisor === top ? `inner-${pick % 3}` : id) ?? Promise.resolve());
  };
  const ends: EndReason[] = [];
  system.supervise(spec, "top").then(
    (started) => {
      top = started;
      void started.ended.then((reason) => ends.push(reason));
    },
    () => undefined,
  );
  for (const event of events) clock.after(event.at, () => happen(event));
  await ports.settleFor(end);
  const stopped = system.stop();
  await ports.settle(200_000);
  await stopped;
  expect([...alive.keys()], "alive after the end").toEqual([]);
  expect(refs.filter((ref) => ref.alive).map(({ path }) => path), "refs alive after the end").toEqual([]);
  for (const ref of refs) expect(await Promise.race([ref.ended.then(() => "ended"), Promise.resolve().then(() => Promise.resolve()).then(() => "open")]), ref.path).toBe("ended");
  await Promise.all(answers);
  expect(top === undefined ? 0 : ends.length).toBe(top === undefined ? 0 : 1);
  expect(ports.pending).toBe(0);
  const violation = checker.end();
  expect(violation === undefined ? "" : describeViolation(violation)).toBe("");
  expect(system.tree().children).toEqual([]);
  return transitions;
}

const numRuns = Number(process.env["CARAWAY_PROPERTY_RUNS"] ?? 150);

describe("a tree of supervisors in a storm of failures, calls and slow starts and stops", () => {
  it("never runs a child twice, leaves nothing alive, answers every call, and ends", async () => {
    await fc.assert(fc.asyncProperty(storm, async (given) => {
      await weather(given);
    }), { numRuns });
  }, 120_000);

  it("does the same, step by step, for the same seed", async () => {
    await fc.assert(fc.asyncProperty(storm, async (given) => {
      expect(await weather(given)).toEqual(await weather(given));
    }), { numRuns: Math.ceil(numRuns / 5) });
  }, 120_000);
});
