import type { Typed } from "../actors/compile.js";

/** Whether something can be told to a chart. */
export const isTyped = (message: unknown): message is Typed => typeof message === "object" && message !== null && "type" in message && typeof message.type === "string";
