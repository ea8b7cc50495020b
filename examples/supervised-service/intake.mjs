// Takes orders, and follows each until it is confirmed or refused.
import { setup } from "xstate";

const { assign, emit, createMachine } = setup({});
const note = (status) => assign({ orders: ({ context: { orders }, event: { order } }) => ({ ...orders, [order]: status }) });
const waits = ({ context, event }) => context.orders[event.order] === "waiting";

export const intakeMachine = createMachine({
  id: "intake",
  context: { orders: {} },
  initial: "open",
  states: {
    open: {
      on: {
        order: { actions: [note("waiting"), emit(({ event: { order, item } }) => ({ type: "stock.reserve", order, item }))] },
        "order.reserved": [{ guard: waits, actions: [note("confirmed"), emit(({ event: { order } }) => ({ type: "mail.send", to: order }))] }, {}],
        "order.refused": [{ guard: waits, actions: note("refused") }, {}],
        orders: { actions: emit(({ context }) => ({ type: "reply", answer: context.orders })) },
      },
    },
  },
});
