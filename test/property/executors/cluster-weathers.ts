import fc from "fast-check";
import type { Act, HostConduct } from "#internal/testing/index";
import type { Fault, Planned, Weather } from "./cluster-world.js";

const lease = 3000;
const short = fc.constantFrom(0, 1, 20, 120);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 0, 1, 30, 300, 2000).map((ms): Act => ({ do: "return", ms })) },
  short.map((ms): Act => ({ do: "throw", ms, message: "no" })),
  short.map((ms): Act => ({ do: "exit", ms, code: 1 })),
  short.map((ms): Act => ({ do: "native", ms: ms * 4 })),
  fc.tuple(short, fc.integer({ min: -1, max: 30 })).map(([ms, yields]): Act => ({ do: "cooperate", ms: ms * 4, yields })),
);
const planned: fc.Arbitrary<Planned> = fc.record({
  at: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12_000 })),
  act,
  shell: fc.integer({ min: 0, max: 7 }).map((n) => n === 0),
  priority: fc.option(fc.nat(2), { nil: undefined }),
  walltime: fc.constantFrom(0, 0, 0, 100),
  cancel: fc.option(fc.constantFrom(0, 1, 5, 40, 500, 3000), { nil: undefined, freq: 4 }),
});
const time = fc.integer({ min: 0, max: 12_000 });
/** Shorter than what is noticed, longer than a reconnection, and longer than the lease. */
const span = fc.constantFrom(20, 120, 400, 1400, lease - 200, lease + 300, 2 * lease, 3 * lease);
const which = fc.nat(3);
export const fault: fc.Arbitrary<Fault & { at: number }> = fc.tuple(time, fc.oneof<fc.Arbitrary<Fault>[]>(
  fc.record({ do: fc.constantFrom("cut" as const, "freeze" as const, "crash" as const), which, ms: span }),
  fc.record({ do: fc.constant("drain" as const), which, ms: span }),
  fc.record({ do: fc.constant("partition" as const), which, towards: fc.constantFrom("both" as const, "both" as const, "head" as const, "manager" as const), ms: span }),
  fc.record({ do: fc.constant("crash-interchange" as const) }),
  fc.record({ do: fc.constantFrom("stall-interchange" as const, "busy-head" as const), ms: span }),
  fc.record({ do: fc.constant("kill-worker" as const), which, lane: fc.nat(2) }),
)).map(([at, what]) => ({ ...what, at }));
const conduct: fc.Arbitrary<Partial<HostConduct>> = fc.record({ start: fc.constantFrom([1, 3] as const, [20, 60] as const), flush: fc.constantFrom([0, 0.25] as const, [0, 3] as const), kill: fc.constantFrom([0, 1] as const, [0, 40] as const) });
const cluster = fc.record({
  managers: fc.integer({ min: 1, max: 4 }),
  workers: fc.integer({ min: 1, max: 3 }),
  prefetch: fc.constantFrom(0, 0, 1, 4),
  selector: fc.constantFrom("random" as const, "least-loaded" as const, "pack-by-block" as const),
  leaseMs: fc.constant(lease),
  way: fc.constantFrom([0.05, 0.3] as const, [1, 40] as const, [0, 0] as const),
  threadWay: fc.constantFrom([0.01, 0.05] as const, [0, 20] as const),
  conduct,
});
export const weatherOf = (faults: fc.Arbitrary<readonly (Fault & { at: number })[]>, life: fc.Arbitrary<number | undefined>): fc.Arbitrary<Weather> =>
  fc.record({ seed: fc.nat(), cluster: fc.tuple(cluster, life).map(([given, ms]) => ({ ...given, life: ms })), tasks: fc.array(planned, { minLength: 1, maxLength: 40 }), faults });
