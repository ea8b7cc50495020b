import type { EndReason, RestartKind, Strategy } from "#internal/supervisors/types";

/** What a scripted child does when it is started, and when it is asked to stop. */
export type StartOutcome = "ok" | "fail" | "ignore" | "hang";
export type StopOutcome = "clean" | "hang" | "fail";

export interface ReferenceChild {
  readonly id: string;
  readonly restart: RestartKind;
  readonly significant: boolean;
  readonly brutal: boolean;
  /** Delay of the n-th restart in a row, doubling up to the maximum; undefined: at once. */
  readonly backoff: { readonly min: number; readonly max: number } | undefined;
  readonly stops: StopOutcome;
}

export interface ReferenceSpec {
  readonly strategy: Strategy;
  readonly intensity: number;
  readonly period: number;
  readonly autoShutdown: "never" | "any_significant" | "all_significant";
  readonly children: readonly ReferenceChild[];
}

export const limits = { start: 300, stop: 100 } as const;
export const failure: EndReason = { error: "planned" };

/** What the reference knows of a child. */
export interface Known extends ReferenceChild {
  readonly name: string;
  status: "undefined" | "running" | "restarting";
  /** It has ended by itself, and the supervisor has not heard of it yet. */
  dead: EndReason | undefined;
  failures: number;
  since: number;
  due: number | undefined;
  /** The retry it waits for; an older one is not heard. */
  retry: number;
}

export const isShutdown = (reason: EndReason): boolean => reason === "shutdown" || (typeof reason === "object" && "shutdown" in reason);
export const isNormal = (reason: EndReason): boolean => reason === "normal" || isShutdown(reason);
