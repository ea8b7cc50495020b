import { AsyncLocalStorage } from "node:async_hooks";
import { defaultKernel } from "./default-kernel.js";
import type { DataFlowKernel } from "./kernel.js";
import type { Scope } from "./scope.js";
import type { TaskRecord } from "./task-record.js";

/** What the calling code runs in: the body of a join app, a scope. */
export interface Enclosing {
  readonly kernel: DataFlowKernel;
  readonly scope: Scope | undefined;
  /** The task whose body it is. */
  readonly task?: TaskRecord | undefined;
  /** What is called after an await must know, too: the body is an async function. */
  readonly lasting?: boolean;
}

/** Made with the first use: an enabled storage makes every promise of the program slower (Node 20's promise hooks). */
let storage: AsyncLocalStorage<Enclosing> | undefined;
let now: Enclosing | undefined;

/** The kernel and scope that apps called here belong to, where nothing else is said. */
export const enclosing = {
  get current(): Enclosing | undefined {
    return now ?? storage?.getStore();
  },
  /** Runs something inside a kernel and scope; what follows its awaits is inside them too. */
  run<T>(around: Enclosing, run: () => T): T {
    const before = now;
    now = around;
    try {
      // After an await, code of the default kernel finds that kernel by itself.
      if (storage === undefined && around.lasting !== true && around.scope === undefined && around.kernel === defaultKernel()) return run();
      return (storage ??= new AsyncLocalStorage<Enclosing>()).run(around, run);
    } finally {
      now = before;
    }
  },
};
