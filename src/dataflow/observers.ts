import type { DataFlowKernel } from "./kernel.js";

/** Is shown every kernel that has started. May only watch. */
export type KernelObserver = (kernel: DataFlowKernel) => void | Promise<void>;

const observers = new Set<KernelObserver>();

/** From now on, shows every kernel to this observer as it starts. */
export function observeKernels(observer: KernelObserver): void {
  observers.add(observer);
}

/** Shows a kernel to the observers. One that fails harms neither the kernel nor the others. */
export async function showToObservers(kernel: DataFlowKernel): Promise<void> {
  await Promise.allSettled([...observers].map(async (observer) => observer(kernel)));
}
