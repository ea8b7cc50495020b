export * from "./codec.js";
export * from "./function-source.js";
