import { setup } from "xstate";

export interface LinkContext {
  /** Milliseconds that a closing link waits for what is on its way. */
  readonly limit: number;
  /** Why it is closed here, in words, once it is. */
  own: string;
  /** Why the other side closes it, once that has said so. */
  farewell: string;
}

export interface LinkInput {
  readonly limit: number;
}

/** How a link ended, in words, with the error that says so where there is one already. */
export interface LinkEnding {
  readonly clean: boolean;
  readonly reason: string;
  readonly error?: Error;
  /** Of a connection that broke. */
  readonly code?: string | undefined;
  readonly cause?: unknown;
}

export type LinkMessage =
  /** The other side has greeted, and the two can work together. */
  | { readonly type: "greeting.heard" }
  /** It has greeted, and they cannot. */
  | { readonly type: "greeting.refused"; readonly error: Error }
  /** What came is no valid frame, or one that is out of turn. */
  | { readonly type: "frame.refused"; readonly error: Error }
  | { readonly type: "receiver.threw"; readonly error: unknown }
  | { readonly type: "link.close"; readonly reason: string }
  /** At once, whatever is on its way. */
  | { readonly type: "link.destroy"; readonly reason: string }
  /** The other side closes the link: it receives nothing any more, and this was the last it says. */
  | { readonly type: "farewell.heard"; readonly reason: string }
  /** All that was to be sent is with the system. */
  | { readonly type: "outbox.emptied" }
  /** Nothing more comes; with an error, where that is within a frame. */
  | { readonly type: "stream.ended"; readonly error?: Error }
  | { readonly type: "stream.broke"; readonly error: Error; readonly code: string | undefined }
  | { readonly type: "limit.expired" };

export type LinkEffect =
  /** The greeting is over: frames may come and go. */
  | { readonly type: "frames.begin" }
  /** After all that was sent. */
  | { readonly type: "farewell.say"; readonly reason: string }
  /** The other side tells no more what it has: nothing waits for that. */
  | { readonly type: "outbox.release" }
  /** Nobody receives what waits before the farewell. */
  | { readonly type: "outbox.clear" }
  | { readonly type: "stream.end" }
  | { readonly type: "timer.start"; readonly ms: number }
  | { readonly type: "timer.cancel" }
  /** `soon`: the other side still gets what was written. */
  | { readonly type: "link.end"; readonly ending: LinkEnding; readonly drop: "now" | "soon" };

interface Args {
  readonly context: LinkContext;
  readonly event: LinkMessage;
}

const link = setup({
  types: { context: {} as LinkContext, events: {} as LinkMessage, input: {} as LinkInput, emitted: {} as LinkEffect, tags: {} as "unknown" | "open" | "reports" | "final" },
  guards: { isWithinFrame: ({ event }) => event.type === "stream.ended" && event.error !== undefined },
});

const ended = (ending: (args: Args) => LinkEnding, drop: "now" | "soon" = "now") => ({ target: "#link.ended", actions: link.emit((args: Args) => ({ type: "link.end", ending: ending(args), drop })) });
const reasonIn = (event: LinkMessage): string => ("reason" in event ? event.reason : "");
const errorIn = (event: LinkMessage): Error => (event as { readonly error: Error }).error;
const refused = ({ event }: Args): LinkEnding => ({ clean: false, reason: errorIn(event).message, error: errorIn(event) });
const unclean = (reason: string) => (): LinkEnding => ({ clean: false, reason });
const closedHere = ended(({ context }) => ({ clean: true, reason: `it was closed here: ${context.own}` }));
const closedThere = ended(({ context }) => ({ clean: true, reason: `the other side closed it: ${context.farewell}` }));
const broken = { guard: "isWithinFrame" as const, ...ended(refused) };

const keepOwn = link.assign({ own: ({ event }) => reasonIn(event) });
const keepFarewell = link.assign({ farewell: ({ event }) => reasonIn(event) });
const clear = link.emit({ type: "outbox.clear" });
const close = [
  keepOwn,
  link.emit(({ event }: Args) => ({ type: "farewell.say", reason: reasonIn(event) })),
  link.emit(({ context }: Args) => ({ type: "timer.start", ms: context.limit })),
];

/** What ends a link in any state. */
const faults = {
  "greeting.refused": ended(refused, "soon"),
  "frame.refused": ended(refused),
  "receiver.threw": ended(({ event }) => ({ clean: false, reason: "what receives its frames threw", cause: (event as { readonly error: unknown }).error })),
  "link.destroy": ended(({ event }) => ({ clean: false, reason: `it was ended here: ${reasonIn(event)}` })),
  "stream.broke": ended(({ event }) => {
    const { error, code } = event as Extract<LinkMessage, { type: "stream.broke" }>;
    return { clean: false, reason: `the connection broke: ${code ?? error.message}`, code, cause: error };
  }),
};

/** One end of a link to another machine. Who closes it receives nothing any more, so that what the other side sent may be cut off anywhere then. */
export const linkMachine = link.createMachine({
  id: "link",
  context: ({ input }) => ({ limit: input.limit, own: "", farewell: "" }),
  initial: "greeting",
  options: { maxIterations: 100 },
  states: {
    greeting: {
      tags: ["unknown"],
      on: {
        ...faults,
        "greeting.heard": { target: "open", actions: link.emit({ type: "frames.begin" }) },
        "link.close": { target: "closing", actions: close },
        "stream.ended": [broken, ended(unclean("the connection ended without a farewell"))],
        "farewell.heard": {},
        "outbox.emptied": {},
        "limit.expired": {},
      },
    },
    open: {
      tags: ["open", "reports"],
      initial: "whole",
      on: {
        ...faults,
        "greeting.heard": {},
        "outbox.emptied": {},
        "limit.expired": {},
      },
      states: {
        whole: {
          on: {
            "farewell.heard": { target: "parting", actions: [keepFarewell, link.emit({ type: "outbox.release" })] },
            "link.close": { target: "#link.closing", actions: close },
            "stream.ended": [broken, ended(unclean("the connection ended without a farewell"))],
          },
        },
        parting: {
          on: {
            "farewell.heard": { actions: keepFarewell },
            "link.close": { target: "#link.closing.agreed", actions: [...close, clear] },
            "stream.ended": [broken, closedThere],
          },
        },
      },
    },
    closing: {
      initial: "emptying",
      on: {
        ...faults,
        "greeting.heard": {},
        "link.close": {},
        "limit.expired": ended(({ context: { own, limit } }) => ({ clean: false, reason: `it was closed here (${own}), and the other side did not answer to it in ${limit / 1000} s` })),
      },
      states: {
        // Others still get what was sent before.
        emptying: {
          tags: ["reports"],
          on: {
            "outbox.emptied": { target: "awaiting", actions: link.emit({ type: "stream.end" }) },
            "farewell.heard": { target: "agreed", actions: [keepFarewell, clear] },
            "stream.ended": ended(({ context }) => ({ clean: false, reason: `it was closed here (${context.own}), and the connection ended before all had gone` })),
          },
        },
        awaiting: {
          on: {
            "farewell.heard": { actions: keepFarewell },
            "stream.ended": closedHere,
            "outbox.emptied": {},
          },
        },
        // Both sides close it, and neither receives anything any more.
        agreed: {
          on: {
            "outbox.emptied": { actions: link.emit({ type: "stream.end" }) },
            "stream.ended": closedHere,
            "farewell.heard": {},
          },
        },
      },
    },
    ended: { type: "final", tags: ["final"], entry: link.emit({ type: "timer.cancel" }) },
  },
});
