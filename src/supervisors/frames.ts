/** What goes between an actor's thread and the program: the kind, whom it is for, the number of a call or a watch, and what it carries. */
export type Frame = readonly [kind: number, to: number, number: number, load: unknown];

export const frameWidth = 4;

/** Kinds of frames. Past tense: what the thread tells; imperative: what it is told; the rest goes both ways. */
export const kinds = {
  tell: 0, ask: 1, reply: 2, refuse: 3, watch: 4, unwatch: 5, notice: 6, gone: 7, forget: 8, received: 9,
  begin: 10, stop: 11,
  started: 20, ignored: 21, ended: 22, announced: 23, changed: 24, lost: 25, taken: 26, contained: 27, returned: 28, grown: 29, skipped: 30,
  observe: 31, unobserve: 32, observed: 33, completed: 34, seen: 35,
} as const;

/** Added to the kind of a frame whose load has refs in it. */
export const withRefs = 64;

/** The number of the actor that lives in the thread, for both sides. */
export const theActor = 0;
