import type { EndReason, RestartKind, Strategy } from "#internal/supervisors/types";
import type { Command, Plan } from "./follow-reference.js";
import type { ReferenceChild, StartOutcome } from "./reference-spec.js";

export const strategies: readonly Strategy[] = ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"];
export const kinds: readonly RestartKind[] = ["permanent", "transient", "temporary"];
export const reasons: readonly EndReason[] = ["normal", "shutdown", { shutdown: "moved" }, "killed", { error: "broken" }];
export const outcomes: readonly StartOutcome[] = ["ok", "fail", "ignore", "hang"];
const plain: Omit<ReferenceChild, "id"> = { restart: "permanent", significant: false, brutal: false, backoff: undefined, stops: "clean" };

export const textOf = (reason: EndReason): string => (typeof reason === "string" ? reason : JSON.stringify(reason));

/** What is asked of the administration after a child has ended; `n` is the child. */
export const calls: readonly (readonly [string, (n: number) => readonly Command[]])[] = [
  ["nothing", () => []],
  ["start of the same id", () => [{ do: "start", child: { ...plain, id: "b" } }]],
  ["start of a new id", () => [{ do: "start", child: { ...plain, id: "e" } }]],
  ["restart", (n) => [{ do: "restart", child: n }]],
  ["delete", (n) => [{ do: "delete", child: n }]],
  ["stop", (n) => [{ do: "terminate", child: n }]],
  ["delete, start of the same id", (n) => [{ do: "delete", child: n }, { do: "start", child: { ...plain, id: "b" } }]],
  ["stop, restart, stop, delete", (n) => (["terminate", "restart", "terminate", "delete"] as const).map((what) => ({ do: what, child: n }))],
];

export type Cell = readonly [Strategy, RestartKind, EndReason, StartOutcome, (typeof calls)[number]];

/** One cell of the table: a child ends, its next start comes to something, and the administration is called. */
export function planOf([strategy, restart, reason, outcome, [, call]]: Cell, ids: readonly string[]): Plan {
  const dynamic = strategy === "simple_one_for_one";
  const child = (id: string): ReferenceChild => ({ ...plain, id, restart: id === "c" ? "temporary" : restart });
  const begin: readonly Command[] = dynamic ? [{ do: "start", child: child("a") }, { do: "start", child: child("a") }] : [];
  const victim = dynamic ? 0 : 1;
  const starts: StartOutcome[][] = dynamic ? [["ok", "ok", outcome], [], [], [], [], []] : [["ok"], ["ok", outcome], ["ok"], ["ok", outcome], [], []];
  const commands: readonly Command[] = [...begin, { do: "exit", children: [victim], reason }, ...call(victim), { do: "shutdown" }];
  return { seed: 1, spec: { strategy, intensity: 1, period: 1000, autoShutdown: "never", children: dynamic ? [child("a")] : ids.map(child) }, commands, starts };
}

export const nameOf = ([strategy, restart, reason, outcome, [call]]: Cell): string => `${strategy}, ${restart}, ${textOf(reason)}, then ${outcome}, ${call}`;
