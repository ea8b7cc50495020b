import { findConfig } from "../config/find.js";
import type { Config } from "../config/types.js";
import { ConfigurationError, NoDataFlowKernelError } from "../errors/index.js";
import { defaultKernel, setDefaultKernel } from "./default-kernel.js";
import { enclosing } from "./enclosing.js";
import { DataFlowKernel } from "./kernel.js";

/**
 * Starts a kernel and makes it the default one. Without a configuration, that of the working directory is used, if there is one.
 *
 * @throws ConfigurationError where one is loaded already, or the configuration is not valid
 */
export async function load(config?: Config, options: { readonly replace?: boolean; readonly profile?: string } = {}): Promise<DataFlowKernel> {
  const before = defaultKernel();
  if (before !== undefined && options.replace !== true) throw new ConfigurationError("CW-CONF-001", "a kernel is loaded already", { hint: "Close it first, or give { replace: true }." });
  if (before !== undefined) await before.close({ mode: "cancel" });
  const kernel = new DataFlowKernel(config ?? ((await findConfig(process.cwd(), options.profile))?.config as Config | undefined));
  setDefaultKernel(kernel);
  try {
    await kernel.start();
  } catch (error) {
    if (defaultKernel() === kernel) setDefaultKernel(undefined);
    throw error;
  }
  kernel.whenClosed(() => {
    if (defaultKernel() === kernel) setDefaultKernel(undefined);
  });
  return kernel;
}

/** The default kernel. Throws `NoDataFlowKernelError` where there is none. */
export function dfk(): DataFlowKernel {
  const kernel = enclosing.current?.kernel ?? defaultKernel();
  if (kernel === undefined) throw new NoDataFlowKernelError("CW-CONF-003", "no kernel is loaded");
  return kernel;
}

/** Forgets the default kernel; it goes on running. */
export function clear(): void {
  setDefaultKernel(undefined);
}

/**
 * Starts a kernel, runs the body with it as the default one, waits for all work when the body returns (and cancels it when
 * the body throws), and closes.
 *
 * @example
 * await withKernel({ executors: [threadPool({ maxThreads: 4 })] }, async () => {
 *   const square = app((x: number) => x * x);
 *   console.log(await square(7));
 * });
 */
export function withKernel<T>(body: (kernel: DataFlowKernel) => T | Promise<T>): Promise<T>;
export function withKernel<T>(config: Config | undefined, body: (kernel: DataFlowKernel) => T | Promise<T>): Promise<T>;
export async function withKernel<T>(first: Config | undefined | ((kernel: DataFlowKernel) => T | Promise<T>), second?: (kernel: DataFlowKernel) => T | Promise<T>): Promise<T> {
  const body = typeof first === "function" ? first : second;
  if (body === undefined) throw new ConfigurationError("CW-CONF-001", "withKernel() needs a function to run", { hint: "await withKernel(config, async () => { … })" });
  const kernel = await load(typeof first === "function" ? undefined : first);
  let result: T;
  try {
    result = await enclosing.run({ kernel, scope: undefined }, () => body(kernel));
  } catch (error) {
    await kernel.close({ mode: "cancel" }).catch(() => undefined);
    throw error;
  }
  await kernel.close();
  return result;
}
