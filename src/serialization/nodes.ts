import type { Codec } from "./registry.js";

/**
 * What stands in the written tree for a value that v8 does not carry. v8 hands views to their writer as host objects, so a
 * node is a view: nothing a user passes can be mistaken for one.
 */
export abstract class WireNode extends Uint8Array {
  constructor() {
    super(0);
  }
}

/** An error: its head is written in place, its own properties after the value, so that errors may contain themselves. */
export class ErrorNode extends WireNode {
  /** Key, whether enumerable, value; three entries to a property. */
  readonly contents: unknown[] = [];
  constructor(readonly head: readonly unknown[]) {
    super();
  }
}

export enum Shape { Record, BareRecord, Array, Map, Set }

/** A container that is written after the value: one without a prototype, or one that is nested too deep for v8's stack. */
export class LaterNode extends WireNode {
  constructor(readonly shape: Shape, readonly contents: object) {
    super();
  }
}

/** An instance that travels by its codec; each place that holds it refers to the one plain form. */
export class CodecUse extends WireNode {
  constructor(readonly instance: CodecInstance, readonly path: string) {
    super();
  }
}

export interface CodecInstance {
  readonly codec: Codec;
  plain: unknown;
  /** Set while and after it is written. */
  state: "unwritten" | "open" | "written";
  number: number;
}

/** What a node is, on the wire; numbers below are views. */
export const NodeTag = { Error: 64, Later: 65, Codec: 66, CodecAgain: 67 } as const;
