import { observeKernels } from "../dataflow/observers.js";

// Kernels that were asked for progress get it. Loaded only then.
observeKernels(async (kernel) => {
  if (!kernel.config.progress) return;
  const { showProgress } = await import("./progress.js");
  showProgress(kernel);
});
