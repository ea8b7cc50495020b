import type { ResourceLimits } from "node:worker_threads";
import type { AnyActorLogic } from "xstate";
import type { CompiledChart, Typed } from "../actors/compile.js";
import type { Place } from "../actors/place.js";
import type { AutoShutdown, ChildTraits, RestartKind, Strategy } from "../state-machines/supervision.js";
import type { ChartSelf, ChildSpec, Self } from "./types.js";

export type Effects = Readonly<Record<string, (effect: never, self: ChartSelf) => unknown>>;

/** A module that runs in a thread of its own. */
export interface ModuleBody {
  readonly kind: "module";
  readonly module: URL;
  readonly on: "thread" | Place;
  readonly resourceLimits: ResourceLimits;
}

/** What a child is made of. */
export type Body =
  | { readonly kind: "run"; readonly run: (self: Self<never>) => unknown }
  | { readonly kind: "machine"; readonly chart: CompiledChart<object, Typed, Typed, unknown>; readonly effects: Effects }
  | { readonly kind: "logic"; readonly logic: AnyActorLogic }
  | ModuleBody
  | { readonly kind: "supervisor"; readonly supervisor: PreparedSupervisor };

/** A child's specification, checked, with every default filled in and every duration in milliseconds. */
export interface PreparedChild {
  readonly spec: ChildSpec;
  readonly id: string;
  readonly traits: ChildTraits;
  readonly shutdown: number | "brutal_kill";
  readonly startTimeout: number;
  readonly backoff: { readonly min: number; readonly max: number; readonly jitter: number } | undefined;
  readonly mailbox: number;
  /** A full mailbox drops its oldest message for a new one; otherwise it refuses the new one. */
  readonly dropsOldest: boolean;
  readonly input: unknown;
  readonly body: Body;
}

export interface PreparedSupervisor {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly period: number;
  readonly autoShutdown: AutoShutdown;
  readonly children: readonly PreparedChild[];
  readonly template: PreparedChild | undefined;
}

interface Traits {
  readonly restart: RestartKind;
  readonly significant: boolean;
  readonly shutdown: PreparedChild["shutdown"];
  readonly backoff: PreparedChild["backoff"];
}

/** What the supervisor's chart has to know of a specification. */
export function traitsOf({ restart, significant, shutdown, backoff }: Traits): ChildTraits {
  return { restart, significant, brutal: shutdown === "brutal_kill", backsOff: backoff !== undefined, resetAfter: backoff === undefined ? 0 : (backoff.min + backoff.max) / 2 };
}

/** How long the n-th restart in a row waits. `draw` is uniform in [0, 1). */
export function delayOf({ backoff }: PreparedChild, failures: number, draw: number): number {
  if (backoff === undefined) return 0;
  const { min, max, jitter } = backoff;
  return Math.min(max, min * 2 ** (failures - 1)) * (1 + jitter * (2 * draw - 1));
}
