import { describe, expect, it } from "vitest";
import { compile, type ChartState } from "#internal/actors/compile";
import { childMachine, type ChildContext, type ChildEffect, type ChildInput, type ChildMessage } from "#internal/state-machines/child";

const chart = compile<ChildContext, ChildMessage, ChildEffect, ChildInput>(childMachine);

/** A child that was told all that; its state, and what it wants done at the last message. */
function after(messages: readonly ChildMessage[], shutdown: ChildInput["limits"]["shutdown"] = 100) {
  const subject = { state: undefined as unknown as ChartState<ChildContext>, context: undefined as unknown as ChildContext };
  let effects: ChildEffect[] = [];
  chart.start(subject, { key: 1, limits: { shutdown, startTimeout: 50 } }, effects);
  let outcome = "";
  for (const message of messages) {
    effects = [];
    outcome = chart.step(subject, message, effects);
  }
  return { state: subject.state.name, outcome, effects: effects.map((effect) => (effect.type === "supervisor.report" ? effect.report.type : effect.type)), context: subject.context };
}

const start: ChildMessage = { type: "child.start" };
const stop: ChildMessage = { type: "child.stop" };
const started = (incarnation: number): ChildMessage => ({ type: "actor.started", incarnation });
const ended = (incarnation: number): ChildMessage => ({ type: "actor.ended", incarnation, reason: { error: 1 } });
const second: readonly ChildMessage[] = [start, started(1), ended(1), start];

describe("a child", () => {
  it("reports each end exactly once, as failed start, end by itself or stop", () => {
    expect(after([start, ended(1)])).toMatchObject({ state: "stopped", effects: ["timer.cancel", "child.start-failed"] });
    expect(after([start, started(1), ended(1)])).toMatchObject({ state: "stopped", effects: ["child.ended"] });
    expect(after([start, started(1), stop, ended(1)])).toMatchObject({ state: "stopped", effects: ["timer.cancel", "child.stopped"] });
    expect(after([start, started(1), stop, { type: "stop.expired", incarnation: 1 }, ended(1)])).toMatchObject({ state: "stopped", effects: ["child.stopped"] });
    expect(after([start, started(1), ended(1), ended(1)])).toMatchObject({ state: "stopped", outcome: "ignored" });
    expect(after([stop])).toMatchObject({ state: "stopped", effects: ["child.stopped"] });
  });

  it.each([
    ["starting", second],
    ["running", [...second, started(2)]],
    ["stopping", [...second, started(2), stop]],
    ["killing", [...second, started(2), stop, { type: "stop.expired", incarnation: 2 } as const]],
    ["abandoning", [...second, { type: "start.expired", incarnation: 2 } as const]],
  ])("does not hear of an older incarnation while %s", (state, messages) => {
    for (const old of [ended(1), started(1), { type: "actor.ignored", incarnation: 1 }, { type: "start.expired", incarnation: 1 }, { type: "stop.expired", incarnation: 1 }] as const) {
      expect(after([...messages, old]), old.type).toMatchObject({ state, outcome: "ignored", effects: [] });
    }
  });

  it("does not hear of an older delay", () => {
    const delays: readonly ChildMessage[] = [{ type: "child.delay", token: 1, ms: 5 }, stop, { type: "child.delay", token: 2, ms: 5 }];
    expect(after([...delays, { type: "delay.expired", token: 1 }])).toMatchObject({ state: "backing-off", outcome: "ignored" });
    expect(after([...delays, { type: "delay.expired", token: 2 }])).toMatchObject({ state: "stopped", effects: ["child.due"] });
  });

  it("is asked, then killed; or killed outright", () => {
    expect(after([start, started(1), stop])).toMatchObject({ state: "stopping", effects: ["actor.stop", "timer.start"] });
    expect(after([start, started(1), stop, { type: "stop.expired", incarnation: 1 }])).toMatchObject({ state: "killing", effects: ["actor.kill"] });
    expect(after([start, started(1), stop], "brutal_kill")).toMatchObject({ state: "killing", effects: ["timer.cancel", "actor.kill"] });
  });

  it("that does not start in time is killed, and the failure says so", () => {
    const { state, effects, context } = after([start, { type: "start.expired", incarnation: 1 }, ended(1)]);
    expect([state, effects, context.lastEnd]).toEqual(["stopped", ["child.start-failed"], { error: { start_timeout: 50 } }]);
  });
});
