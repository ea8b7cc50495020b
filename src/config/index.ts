export * from "./descriptors.js";
export * from "./types.js";
export { checkConfig, describeProblem, type ConfigProblem } from "./check.js";
export { findConfig, type FoundConfig } from "./find.js";
export { defineConfig, resolveConfig, resolveRetries } from "./resolve.js";
export { parseDuration, parseSize, type Duration, type Size } from "./units.js";
