import { setup } from "xstate";

interface Context {
  tries: number;
}
type Message = { type: "push" } | { type: "lock"; code: number } | { type: "unlock"; code: number } | { type: "kick" } | { type: "look" };
type Effect = { type: "bolt.turn"; code: number } | { type: "alarm.ring" } | { type: "hinge.creak" };

const door = setup({
  types: { context: {} as Context, events: {} as Message, emitted: {} as Effect, tags: {} as "shut" | "final" },
  guards: { codeIsRight: () => true, isWeak: ({ context }) => context.tries > 3 },
});

/** A chart with everything a picture shows: nested states, guards, effects, entries, ignored messages, a way into and out of a nested state. */
export const doorMachine = door.createMachine({
  id: "door",
  description: "A door with a lock & a <hinge>.",
  context: { tries: 0 },
  initial: "open",
  states: {
    open: {
      entry: door.emit({ type: "hinge.creak" }),
      on: { push: "shut", lock: { target: "shut.locked", actions: door.emit(({ event }) => ({ type: "bolt.turn", code: "code" in event ? event.code : 0 })) }, look: {} },
    },
    shut: {
      tags: ["shut"],
      initial: "unlocked",
      always: { guard: "isWeak", target: "broken" },
      on: { kick: { actions: door.assign({ tries: ({ context }) => context.tries + 1 }) } },
      states: {
        unlocked: { on: { push: "#door.open", lock: "locked" } },
        locked: { on: { unlock: [{ guard: "codeIsRight", target: "unlocked" }, { actions: door.emit({ type: "alarm.ring" }) }] } },
      },
    },
    broken: { type: "final", tags: ["final"] },
  },
});
