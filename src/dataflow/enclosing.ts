import { AsyncLocalStorage } from "node:async_hooks";
import type { DataFlowKernel } from "./kernel.js";
import type { Scope } from "./scope.js";

/** What the calling code runs in: the body of a join app, a scope, `withKernel`. */
export interface Enclosing {
  readonly kernel: DataFlowKernel;
  readonly scope: Scope | undefined;
}

const storage = new AsyncLocalStorage<Enclosing>();

/** The kernel and scope that apps called here belong to, where nothing else is said. */
export const enclosing = {
  get current(): Enclosing | undefined {
    return storage.getStore();
  },
  run: <T>(around: Enclosing, run: () => T): T => storage.run(around, run),
};
