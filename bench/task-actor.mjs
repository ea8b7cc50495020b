// One xstate actor per task: waiting, ready, dispatched, running, done. Its cost is the creation of the actor.
import { assign, createActor, setup } from "xstate";

/** @typedef {{ attempt: number, value: unknown }} TaskContext */
/** @typedef {{ type: "dependencies.settled" } | { type: "dispatched" } | { type: "started" } | { type: "succeeded", value: unknown }} TaskMessage */

const taskMachine = setup({
  types: { context: /** @type {TaskContext} */ ({}), events: /** @type {TaskMessage} */ ({}) },
}).createMachine({
  id: "task",
  context: { attempt: 0, value: undefined },
  initial: "waiting",
  states: {
    waiting: { on: { "dependencies.settled": "ready" } },
    ready: { on: { dispatched: { target: "dispatched", actions: assign({ attempt: ({ context }) => context.attempt + 1 }) } } },
    dispatched: { on: { started: "running" } },
    running: { on: { succeeded: { target: "done", actions: assign({ value: ({ event }) => event.value }) } } },
    done: { type: "final" },
  },
});

/** A task actor that has been started and waits for its dependencies. */
export const startTaskActor = () => createActor(taskMachine).start();

/**
 * Leads one actor through a whole life around `send`, and resolves with the value its final state holds.
 * @param {() => PromiseLike<unknown>} send
 */
export function liveTask(send) {
  const actor = startTaskActor();
  return new Promise((resolve) => {
    actor.subscribe({ complete: () => resolve(actor.getSnapshot().context.value) });
    actor.send({ type: "dependencies.settled" });
    actor.send({ type: "dispatched" });
    void send().then((value) => {
      actor.send({ type: "started" });
      actor.send({ type: "succeeded", value });
    });
  });
}
