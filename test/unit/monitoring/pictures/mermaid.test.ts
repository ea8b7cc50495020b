import { describe, expect, it } from "vitest";
import { charts } from "#internal/state-machines/index";
import { toMermaid } from "#internal/monitoring/pictures/mermaid";
import { doorMachine } from "./door-machine.js";

describe("toMermaid", () => {
  it("shows nested states, guards, effects and final states, and leaves out what is ignored", () => {
    expect(toMermaid(doorMachine)).toBe(`---
title: door
---
stateDiagram-v2
  [*] --> open
  state "open" as open
  open : entry / hinge.creak
  state "shut" as shut
  state shut {
    [*] --> shut_unlocked
    state "unlocked" as shut_unlocked
    state "locked" as shut_locked
  }
  state "broken" as broken
  open --> shut : push
  open --> shut_locked : lock / bolt.turn
  shut --> broken : [isWeak]
  shut --> shut : kick
  shut_unlocked --> open : push
  shut_unlocked --> shut_locked : lock
  shut_locked --> shut_unlocked : unlock [codeIsRight]
  shut_locked --> shut_locked : unlock / alarm.ring
  broken --> [*]
`);
  });

  it.each(Object.entries(charts))("names every state of the %s chart", (_name, machine) => {
    const text = toMermaid(machine);
    for (const state of Object.keys(machine.states)) expect(text).toContain(`state "${state}" as `);
  });
});
