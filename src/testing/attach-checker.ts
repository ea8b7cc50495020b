import { gatherFutures } from "../dataflow/arguments.js";
import { AppFuture, DataFuture } from "../dataflow/future.js";
import type { DataFlowKernel } from "../dataflow/kernel.js";
import { decode, type Encoded } from "../serialization/index.js";
import { describeViolation, InvariantChecker, type CheckOptions, type Violation } from "./checker.js";
import type { Entry, RunFacts } from "./invariants/index.js";
import type { Probe } from "./probes.js";

/** A checker that watches a kernel. */
export interface AttachedChecker {
  readonly checker: InvariantChecker;
  /** Throws the first violation, with its story. At the end of a run, what must hold then is checked too. */
  assert(end?: "end"): void;
  readonly violation: Violation | undefined;
  /** Tells the checker what a probe has seen. */
  feed(probe: Probe): void;
  detach(): void;
}

/** Watches a kernel, from before its start on: every step of every cell goes through the invariants. */
export function attachChecker(kernel: DataFlowKernel, facts: CheckOptions = {}, also?: (entry: Entry) => void): AttachedChecker {
  const checker = new InvariantChecker({ ...factsOf(kernel), ...facts });
  const feed = (entry: Entry) => {
    checker.feed(entry);
    also?.(entry);
  };
  const subscription = kernel.dispatcher.transitions$.subscribe(feed);
  return {
    checker,
    assert(end) {
      const violation = end === "end" ? checker.end() : checker.violation;
      if (violation !== undefined) throw new Error(describeViolation(violation));
    },
    get violation() {
      return checker.violation;
    },
    feed: (probe) => feed(probe),
    detach: () => subscription.unsubscribe(),
  };
}

/** What a kernel knows of its tasks that their transitions do not tell. */
export function factsOf(kernel: DataFlowKernel): RunFacts {
  const record = (task: number) => kernel.table.get(task);
  return {
    budget: (task) => record(task)?.plan.spec,
    dependencies(task) {
      const { args = [], extra } = record(task) ?? {};
      return [...args, ...(extra?.inputs ?? [])].flatMap((kept) => (kept !== null && typeof kept === "object" ? gatherFutures("tree" in kept ? kept.tree : kept) : [])).flatMap((future) => {
        const parent = future instanceof DataFuture ? future.parent : future;
        // What another kernel does has numbers of its own.
        return parent instanceof AppFuture && parent.record.table === kernel.table ? [parent.id] : [];
      });
    },
    executor: (task) => record(task)?.executor?.label,
    priority: (task) => record(task)?.priority,
    memoKey: (task) => record(task)?.extra?.memoKey,
    counts: () => kernel.table.statistics.counts,
    decode: (value) => decode(value as Encoded),
  };
}
