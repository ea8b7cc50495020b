import { inspect } from "node:util";
import type { EndReason } from "../state-machines/end-reason.js";

/** Something that happened to an actor. Plain text and numbers: it holds nothing alive, and travels anywhere. */
export interface StoryEntry {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly incarnation: number;
  /** `message` and `notice` (of an end it watches) are what it was given to handle; `step` is a step of its chart without one. */
  readonly what: "launched" | "started" | "message" | "notice" | "step" | "ended" | "retired";
  /** The message's type; of one without a type, what it is. */
  readonly message?: string;
  /** Of a chart: the state before. */
  readonly from?: string;
  /** Of a chart: the state after; absent where the step threw. */
  readonly to?: string;
  /** Of a chart: the types of the effects, in their order; absent where there was none. */
  readonly effects?: readonly string[];
  /** Of an end: how, in words. */
  readonly reason?: string;
}

type What = StoryEntry["what"];
interface Named {
  readonly name: string;
}
interface Typed {
  readonly type: string;
}

/** So many of the latest entries are kept. */
export const longestStory = 32;
const longestText = 60;

/** at, what, incarnation, detail, from, to, effects */
const stride = 7;

/**
 * The latest that happened to one actor: a ring of `longestStory` entries that grows as it is filled. An entry is made of references
 * (a message's type, states of a chart); words are made of them when somebody reads.
 */
export class FlightRecorder {
  private readonly slots = new Array<unknown>(4 * stride);
  private count = 0;

  lifecycle(at: number, what: "launched" | "started" | "ended" | "retired", incarnation: number, reason?: EndReason): void {
    this.write(at, what, incarnation, reason === undefined ? undefined : wordsOf(reason));
  }

  /** It was given a message to handle. */
  message(at: number, incarnation: number, message: unknown): void {
    this.write(at, "message", incarnation, nameOf(message));
  }

  notice(at: number, incarnation: number): void {
    this.write(at, "notice", incarnation, undefined);
  }

  /** What its chart did with the message it was given last; `to` is absent where the step threw. */
  step(at: number, incarnation: number, from: Named, to: Named | undefined, effects: readonly Typed[]): void {
    const { slots } = this;
    let base = ((this.count - 1) % longestStory) * stride;
    if (this.count === 0 || slots[base + 1] !== "message" || slots[base + 4] !== undefined) base = this.write(at, "step", incarnation, undefined);
    slots[base + 4] = from;
    slots[base + 5] = to;
    slots[base + 6] = effects.length === 0 ? undefined : effects.length === 1 ? effects[0]?.type : effects.map(({ type }) => type);
  }

  /** What it was given last, and when; undefined where that is no longer known. */
  get latestMessage(): { readonly message: string; readonly at: number } | undefined {
    return this.entries().findLast((entry): entry is StoryEntry & { readonly message: string } => entry.message !== undefined);
  }

  /** The oldest first. */
  entries(): StoryEntry[] {
    const kept = Math.min(this.count, longestStory);
    return Array.from({ length: kept }, (_, i) => this.read(((this.count - kept + i) % longestStory) * stride));
  }

  private write(at: number, what: What, incarnation: number, detail: string | undefined): number {
    const { slots } = this;
    const base = (this.count++ % longestStory) * stride;
    slots[base] = at;
    slots[base + 1] = what;
    slots[base + 2] = incarnation;
    slots[base + 3] = detail;
    slots[base + 4] = undefined;
    slots[base + 5] = undefined;
    slots[base + 6] = undefined;
    return base;
  }

  private read(base: number): StoryEntry {
    const [at, what, incarnation, detail, from, to, effects] = this.slots.slice(base, base + stride) as [number, What, number, string | undefined, Named | undefined, Named | undefined, string | readonly string[] | undefined];
    return {
      at, what, incarnation,
      ...(detail === undefined ? {} : what === "message" ? { message: detail } : { reason: detail }),
      ...(from === undefined ? {} : { from: from.name }),
      ...(to === undefined ? {} : { to: to.name }),
      ...(effects === undefined ? {} : { effects: typeof effects === "string" ? [effects] : effects }),
    };
  }
}

/** How it ended, in words: `error: TypeError: x is not a function`. */
export function wordsOf(reason: EndReason): string {
  if (typeof reason === "string") return reason;
  return "error" in reason ? `error: ${textOf(reason.error)}` : `shutdown: ${textOf(reason.shutdown)}`;
}

function textOf(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === "string" ? value : inspect(value, { depth: 2, breakLength: Infinity });
}

/** The type of a message; of one without a type, what it is. */
export function nameOf(message: unknown): string {
  if (typeof message === "object" && message !== null) {
    if ("type" in message && typeof message.type === "string") return message.type;
    return Array.isArray(message) ? "array" : "object";
  }
  if (typeof message !== "string") return typeof message;
  return message.length <= longestText ? message : `${message.slice(0, longestText)}…`;
}
