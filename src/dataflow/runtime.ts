/** What a kernel needs once it starts. Loaded then, in one go: importing the package stays cheap. */
export { blockOf, blocksOf } from "./block-access.js";
export { checkCloseOptions } from "./close-options.js";
export { executorMaker } from "./executors.js";
export { KernelLife } from "./kernel-life.js";
export { Scope } from "./scope.js";
export { summarize } from "./summary.js";
export { TaskTable } from "./task-table.js";
export { explain } from "./why.js";
