import { describe, expect, it } from "vitest";
import { createMachine, raise } from "xstate";
import { SupervisionError } from "#internal/errors/index";
import type { ChildSpec, SupervisorSpec } from "#internal/supervisors/types";
import { Lab } from "./lab.js";

const run = (): void => undefined;
const one = (spec: object): SupervisorSpec => ({ children: [{ id: "a", run, ...spec }] });

/** Each bad specification, OTP's word for it, and what the message has to name. */
const bad: readonly (readonly [string, unknown, string, RegExp])[] = [
  ["a strategy that does not exist", { strategy: "one_for_none" }, "invalid_strategy", /strategy "one_for_none"/],
  ["a negative intensity", { intensity: -1 }, "invalid_intensity", /intensity.*-1/],
  ["an intensity that is no whole number", { intensity: 1.5 }, "invalid_intensity", /intensity.*1\.5/],
  ["no period", { period: 0 }, "invalid_period", /period/],
  ["a period that is no duration", { period: "soon" }, "invalid_period", /period is not a duration: "soon"/],
  ["an autoShutdown that does not exist", { autoShutdown: "sometimes" }, "invalid_auto_shutdown", /autoShutdown "sometimes"/],
  ["a child without an id", { children: [{ run }] }, "missing_id", /needs an id/],
  ["two children with one id", { children: [{ id: "a", run }, { id: "a", run }] }, "duplicate_child_name", /two children have the id "a"/],
  ["a child that is nothing", one({ run: undefined }), "missing_start", /a: a child needs one of run, machine, supervisor, logic, module/],
  ["a child that is two things", one({ supervisor: {} }), "bad_combination", /run and supervisor/],
  ["a run that is no function", one({ run: "now" }), "invalid_run", /run must be a function/],
  ["a restart kind that does not exist", one({ restart: "always" }), "invalid_restart", /restart "always"/],
  ["a shutdown that is none", one({ shutdown: "gently" }), "invalid_shutdown", /shutdown is not a duration: "gently"/],
  ["a significant that is none", one({ significant: "very" }), "invalid_significant", /significant/],
  ["a significant child that is permanent", { autoShutdown: "any_significant", ...one({ significant: true }) }, "bad_combination", /significant.*permanent/],
  ["a significant child without autoShutdown", one({ significant: true, restart: "transient" }), "bad_combination", /autoShutdown/],
  ["a start time-out that is no duration", one({ startTimeout: -5 }), "invalid_start_timeout", /startTimeout.*-5/],
  ["a back-off upside down", one({ backoff: { min: 10, max: 5 } }), "invalid_backoff", /backoff\.max/],
  ["a back-off with too much jitter", one({ backoff: { min: 1, max: 5, jitter: 2 } }), "invalid_backoff", /backoff\.jitter/],
  ["a mailbox that holds nothing", one({ mailbox: 0 }), "invalid_mailbox", /mailbox/],
  ["a mailbox of an object that holds nothing", one({ mailbox: { capacity: 0 } }), "invalid_mailbox", /mailbox.*0/],
  ["a mailbox with a policy that does not exist", one({ mailbox: { full: "explode" } }), "invalid_mailbox", /mailbox\.full "explode"/],
  ["a chart that cannot be compiled", { children: [{ id: "a", machine: createMachine({ id: "x", entry: raise({ type: "e" }) }) }] }, "invalid_machine", /machine cannot be run: chart "x".*xstate\.raise/],
  ["logic that is none", one({ run: undefined, logic: { start: run } }), "invalid_logic", /logic must be logic of xstate/],
  ["a module that is no URL", one({ run: undefined, module: "./x.js", on: "thread" }), "invalid_module", /module must be the URL/],
  ["a module from elsewhere", one({ run: undefined, module: new URL("https://example.org/x.js"), on: "thread" }), "invalid_module", /URL of a file/],
  ["a module without a place", one({ run: undefined, module: new URL("file:///x.js") }), "missing_on", /needs on/],
  ["a place without a module", one({ on: "thread" }), "bad_combination", /on says where a module runs/],
  ["resource limits that are none", one({ run: undefined, module: new URL("file:///x.js"), on: "thread", resourceLimits: { maxOldGenerationSizeMb: -1 } }), "invalid_resource_limits", /resourceLimits\.maxOldGenerationSizeMb/],
  ["a module on what is no place", one({ run: undefined, module: new URL("file:///x.js"), on: "block" }), "invalid_on", /on must be "thread", or a block/],
  ["a module on what only looks like a place", one({ run: undefined, module: new URL("file:///x.js"), on: { label: "pool" } }), "invalid_on", /kernel\.block/],
  ["an effect that is no function", { children: [{ id: "a", machine: createMachine({ id: "x" }), effects: { save: 1 } }] }, "invalid_effects", /effects\["save"\]/],
  ["simple_one_for_one without a template", { strategy: "simple_one_for_one" }, "missing_child", /needs child/],
  ["simple_one_for_one with children", { strategy: "simple_one_for_one", child: { run }, children: [{ id: "a", run }] }, "bad_combination", /no children of its own/],
  ["simple_one_for_one with autoShutdown", { strategy: "simple_one_for_one", child: { run }, autoShutdown: "any_significant" }, "bad_combination", /autoShutdown/],
  ["a template for another strategy", { child: { run } }, "bad_combination", /simple_one_for_one alone/],
  ["a fault deep inside", { children: [{ id: "s", supervisor: { children: [{ id: "t", supervisor: one({ restart: 7 }) }] } }] }, "invalid_restart", /lab\/top\/s\/t\/a: restart 7/],
];

describe("a specification is refused before anything starts:", () => {
  for (const [what, spec, reason, message] of bad) {
    it(what, async () => {
      const lab = new Lab();
      const good = lab.worker("good");
      const children = (spec as SupervisorSpec).children;
      const whole = children === undefined || (spec as SupervisorSpec).strategy === "simple_one_for_one" ? spec : { ...(spec as object), children: [good, ...children] };
      const error = await lab.settled(lab.system.supervise(whole as SupervisorSpec, "top").catch((cause: unknown) => cause));
      expect(error).toBeInstanceOf(SupervisionError);
      expect(error).toMatchObject({ code: "CW-SUP-001", reason, message: expect.stringMatching(message) as string });
      expect((error as Error).message.startsWith(`${reason}: `)).toBe(true);
      expect(lab.log).toEqual([]);
    });
  }

  it("one given to start, and the supervisor goes on", async () => {
    const lab = new Lab();
    const top = await lab.supervise({ children: [lab.worker("a")] });
    expect(await lab.word(top.start({ id: "b", run, restart: "always" } as unknown as ChildSpec))).toBe("invalid_restart");
    expect(await lab.word(top.start({ id: "b", run, significant: true, restart: "transient" }))).toBe("bad_combination");
    expect(top.count()).toMatchObject({ specs: 1, active: 1 });
  });

  it("though unknown keys are tolerated", async () => {
    const lab = new Lab();
    const top = await lab.supervise(one({ modules: "dynamic" }));
    expect(top.spec("a")).toMatchObject({ modules: "dynamic" });
  });

  it("a system without a name, and a second supervisor of one name", async () => {
    const lab = new Lab();
    await lab.supervise({}, "same");
    expect(await lab.word(lab.system.supervise({}, "same"))).toBe("already_started");
  });
});
