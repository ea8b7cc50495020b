import { DataFlowKernel, threadPool, type Config, type ThreadPoolOptions } from "caraway";

export type Isolation = NonNullable<ThreadPoolOptions["isolation"]>;
export const isolations: readonly Isolation[] = ["thread", "process"];

/** Runs the body with a kernel of one pool, and closes it. */
export async function withPool(options: ThreadPoolOptions, body: (kernel: DataFlowKernel) => Promise<void>, config: Config = {}): Promise<void> {
  const kernel = await new DataFlowKernel({ ...config, executors: [threadPool(options)] }).start();
  try {
    await body(kernel);
  } finally {
    await kernel.close({ mode: "cancel" });
  }
}

/** Resolves with the first value that a task reports. */
export function firstReport(future: { readonly reports$: { subscribe(observer: { next: (value: unknown) => void; complete: () => void }): unknown } }): Promise<unknown> {
  return new Promise((resolve, reject) => {
    future.reports$.subscribe({ next: resolve, complete: () => reject(new Error("it ended without a report")) });
  });
}
