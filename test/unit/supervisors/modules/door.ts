import { setup } from "xstate";
import type { ChartSelf } from "caraway/actors";

const door = setup({ types: { context: {} as { opened: number }, events: {} as { type: "open" | "close" | "count" | "wall up" }, emitted: {} as { type: "creak" } | { type: "reply"; answer: number } } });

export default {
  machine: door.createMachine({
    id: "door",
    context: { opened: 0 },
    initial: "closed",
    on: { count: { actions: door.emit(({ context }) => ({ type: "reply", answer: context.opened })) } },
    states: {
      closed: { on: { open: { target: "open", actions: [door.assign({ opened: ({ context }) => context.opened + 1 }), door.emit({ type: "creak" })] }, close: {}, "wall up": "gone" } },
      open: { on: { close: "closed", open: {}, "wall up": "gone" } },
      gone: {},
    },
  }),
  effects: { creak: (_effect: unknown, self: ChartSelf) => (self.ref.path === "" ? Promise.reject(new Error("no path")) : undefined) },
};
