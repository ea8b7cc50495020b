import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import type { Typed } from "#internal/actors/compile";
import { charts } from "#internal/state-machines/index";
import { ChartPair, isDifference } from "#internal/testing/explore";
import { samples } from "../unit/state-machines/chart-samples.js";
import { handmadeCharts } from "../unit/state-machines/handmade-charts.js";

interface Walked {
  readonly machine: AnyStateMachine;
  readonly input?: unknown;
  readonly messages?: readonly Typed[];
}

const all: Readonly<Record<string, Walked>> = { ...handmadeCharts, ...Object.fromEntries(Object.entries(charts).map(([name, machine]) => [name, { machine, input: samples[name]?.input, messages: samples[name]?.messages ?? [] }])) };

describe("a random walk through a chart is the same in its table and in xstate", () => {
  for (const [name, { machine, input, messages = [] }] of Object.entries(all)) {
    const types = machine.events.map((type) => ({ type: String(type) }));
    const known: Typed[] = [...messages, ...types.filter(({ type }) => !messages.some((message) => message.type === type))];

    it(name, () => {
      const pair = new ChartPair(machine);
      fc.assert(
        fc.property(fc.array(fc.tuple(known.length > 0 ? fc.constantFrom(...known) : fc.constant({ type: "none" }), fc.array(fc.boolean(), { maxLength: 10 })), { maxLength: 40 }), (steps) => {
          pair.script.answers = steps[0]?.[1] ?? [];
          let at = pair.begin(input ?? {});
          for (const [message, answers] of steps) {
            if (isDifference(at) || at.status !== "active") break;
            pair.script.answers = [...answers];
            at = pair.step(at as AnyMachineSnapshot, message);
          }
          expect(isDifference(at) ? at : undefined).toBeUndefined();
        }),
        { numRuns: 100 },
      );
    });
  }
});
