import type { DataFlowKernel } from "./kernel.js";

let current: DataFlowKernel | undefined;

/** The kernel that apps run on where nothing else is said. */
export function defaultKernel(): DataFlowKernel | undefined {
  return current;
}

export function setDefaultKernel(kernel: DataFlowKernel | undefined): void {
  current = kernel;
}
