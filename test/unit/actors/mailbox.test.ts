import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EndNotices } from "#internal/actors/end-notices";
import { Mailbox } from "#internal/actors/mailbox";
import { simulatedPorts } from "#internal/actors/simulated-ports";

describe("a mailbox", () => {
  it("gives control messages first, each lane in its order, and refuses work past its capacity: as two plain lists would", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.constantFrom("work", "control", "shift", "shift only control", "drain")), (capacity, steps) => {
        const mailbox = new Mailbox<number>(capacity);
        let [work, control]: [number[], number[]] = [[], []];
        steps.forEach((step, n) => {
          if (step === "work") {
            expect(mailbox.push(n)).toBe(work.length < capacity);
            if (work.length < capacity) work.push(n);
          } else if (step === "control") {
            mailbox.pushControl(n);
            control.push(n);
          } else if (step === "drain") {
            expect(mailbox.drain()).toEqual([...control, ...work]);
            [work, control] = [[], []];
          } else expect(mailbox.shift(step === "shift only control")).toBe(control.length > 0 || step === "shift only control" ? control.shift() : work.shift());
          expect(mailbox.size).toBe(work.length + control.length);
        });
      }),
    );
  });
});

describe("notices of an end", () => {
  it("are given once for each watch, whether it was set before or after, and none where it was taken back", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ before: fc.boolean(), unwatch: fc.constantFrom("never", "at once", "when it is on its way", "after it") })), (watches) => {
        const ports = simulatedPorts(1);
        const notices = new EndNotices(ports.scheduler);
        const given = watches.map(() => 0);
        const takeBack: (() => void)[] = [];
        const watch = (i: number): void => {
          takeBack[i] = notices.watch(() => {
            given[i] = (given[i] ?? 0) + 1;
          });
        };
        const unwatch = (when: string): void => {
          for (const [i, one] of watches.entries()) if (one.unwatch === when) takeBack[i]?.();
        };
        for (const [i, { before }] of watches.entries()) if (before) watch(i);
        for (const [i, one] of watches.entries()) if (one.before && one.unwatch === "at once") takeBack[i]?.();
        notices.end("normal");
        notices.end("killed");
        watches.forEach((one, i) => {
          if (one.before) return;
          watch(i);
          if (one.unwatch === "at once") takeBack[i]?.();
        });
        expect(given.every((n) => n === 0), "within the call").toBe(true);
        unwatch("when it is on its way");
        ports.run();
        unwatch("after it");
        ports.run();
        expect(given).toEqual(watches.map((one) => (one.unwatch === "at once" || one.unwatch === "when it is on its way" ? 0 : 1)));
        expect(notices.reason).toBe("normal");
      }),
    );
  });
});
