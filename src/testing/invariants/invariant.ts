import type { TransitionRecord } from "../../actors/dispatcher.js";
import type { Probe } from "../probes.js";

/** What the checker reads: steps of cells, and what probes tell. */
export type Entry = TransitionRecord | Probe;

/** A broken rule: what was seen, and the things it is about (`task/3`, `attempt/3`, `thread/pool/0`). */
export interface Finding {
  readonly detail: string;
  readonly involved: readonly string[];
}

/** What the records do not say about the run, where it is known. Asked while the run goes on. */
export interface RunFacts {
  /** The retry budgets of a task. */
  budget?(task: number): { readonly retries: number; readonly lost: number } | undefined;
  /** The tasks it waits for. */
  dependencies?(task: number): readonly number[];
  /** The label of the executor its current attempt was given to. */
  executor?(task: number): string | undefined;
  priority?(task: number): number | undefined;
  memoKey?(task: number): string | undefined;
  /** How many tasks are in each state, by the owner's own count. Asked at the end. */
  counts?(): Readonly<Record<string, number>> | undefined;
  /** The value as it was before it travelled. */
  decode?(value: unknown): unknown;
  /** What a walltime may be passed by before it is a violation, in milliseconds: grace, patience and delays. Default 1000. */
  readonly grace?: number;
  /** What anything else that is owed by some time may be late by, while the stream goes on, in milliseconds. Default 5000, or the grace where that is more. */
  readonly slack?: number;
}

/** One rule, with what it must remember to check it. */
export interface Invariant {
  /** As in the list of invariants: `S1`. */
  readonly name: string;
  readonly sentence: string;
  see(entry: Entry): Finding | undefined;
  /** Nothing more is asked about a task that has ended, nor about its attempts, numbered from 1. */
  forget?(task: number | string, attempts: number): void;
  /** What must hold once the run is over. */
  end?(): Finding | undefined;
}

/** Drops what is kept under `task#attempt`. */
export function forgetAttempts(kept: { delete(key: string): boolean }, task: number | string, attempts: number): void {
  for (let attempt = 1; attempt <= attempts; attempt++) kept.delete(`${task}#${attempt}`);
}

export type InvariantMaker = new (facts: RunFacts) => Invariant;

export const isRecord = (entry: Entry): entry is TransitionRecord => "outcome" in entry;

export function isProbe<K extends Probe["probe"]>(entry: Entry, probe: K): entry is Extract<Probe, { probe: K }> {
  return "probe" in entry && entry.probe === probe;
}

/** A step of a cell of that kind. */
export function isOf(entry: Entry, kind: string): entry is TransitionRecord {
  return isRecord(entry) && entry.kind === kind;
}

/** The step changed something: it was neither ignored nor late. */
export const acted = (record: TransitionRecord): boolean => record.outcome === "moved" || record.outcome === "started";

export const effectsOf = (record: TransitionRecord, type: string): readonly (Record<string, unknown> & { readonly type: string })[] => record.effects.filter((effect) => effect.type === type) as (Record<string, unknown> & { type: string })[];

export const hasEffect = (record: TransitionRecord, type: string): boolean => record.effects.some((effect) => effect.type === type);

export const field = (record: TransitionRecord, name: string): unknown => (record.message as unknown as Record<string, unknown>)[name];

export const taskKey = (task: number | string): string => `task/${task}`;

/** The keys of a task and of its attempts. */
export const taskKeys = (task: number | string): readonly string[] => [taskKey(task), `attempt/${task}`];

export const succeeded = (state: string): boolean => state === "done" || state === "memoized";
