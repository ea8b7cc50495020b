/** How an actor ended. Only `normal`, `shutdown` and `{ shutdown }` are ends as they should be. */
export type EndReason = "normal" | "shutdown" | { readonly shutdown: unknown } | "killed" | { readonly error: unknown };

/** Whether a transient child that ended so stays ended. */
export function isNormalEnd(reason: EndReason): boolean {
  return reason === "normal" || isShutdown(reason);
}

export function isShutdown(reason: EndReason): boolean {
  return reason === "shutdown" || (typeof reason === "object" && "shutdown" in reason);
}
