// What is on the shelf. The shelf itself is kept outside: this chart only says what is to be read and written.
import { setup } from "xstate";

const { assign, emit, createMachine } = setup({});
const has = ({ context, event }) => (context.shelf[event.item] ?? 0) > 0;
const take = assign({ shelf: ({ context: { shelf }, event: { item } }) => ({ ...shelf, [item]: shelf[item] - 1 }) });
const write = emit(({ context: { shelf } }) => ({ type: "shelf.write", shelf }));
const answer = (type) => emit(({ event: { order } }) => ({ type, order }));
const later = { actions: emit({ type: "stash" }) };

export const stockMachine = createMachine({
  id: "stock",
  context: { shelf: {} },
  initial: "opening",
  states: {
    opening: {
      entry: emit({ type: "shelf.read" }),
      on: {
        "shelf.known": { target: "open", actions: [assign({ shelf: ({ event }) => event.shelf }), emit({ type: "unstash" })] },
        reserve: later,
        count: later,
      },
    },
    open: {
      on: {
        reserve: [{ guard: has, actions: [take, write, answer("order.reserved")] }, { actions: answer("order.refused") }],
        count: { actions: emit(({ context, event }) => ({ type: "reply", answer: context.shelf[event.item] ?? 0 })) },
        "shelf.known": {},
      },
    },
  },
});
