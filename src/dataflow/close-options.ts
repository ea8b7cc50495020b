import { show } from "../config/show.js";
import { durationFault } from "../config/units.js";
import { InvalidOption, NotYetSupported } from "../errors/index.js";

export interface CloseOptions {
  /** Wait for open work (the default), or cancel it. */
  readonly mode?: "wait" | "cancel";
  /** After this long, what is left is cancelled, and `close` rejects where something cannot be ended. */
  readonly timeout?: number | string;
}

/** Throws `InvalidOption` for what `close` does not know, `NotYetSupported` for what is not built. */
export function checkCloseOptions(options: CloseOptions): void {
  const { mode, timeout, ...rest } = options as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new InvalidOption("CW-APP-011", `close has no option "${unknown}"`, { evidence: { option: unknown, options: ["mode", "timeout"] }, hint: "It has mode and timeout." });
  if (mode === "detach") throw new NotYetSupported("CW-CONF-002", 'the mode "detach" of close is not built yet', { hint: 'Give "wait" or "cancel".' });
  if (mode !== undefined && mode !== "wait" && mode !== "cancel") throw new InvalidOption("CW-APP-011", `the mode of close must be "wait" or "cancel", not ${show(mode)}`, { evidence: { option: "mode", given: mode }, hint: 'Give "wait" or "cancel".' });
  const fault = timeout === undefined ? undefined : durationFault(timeout);
  if (fault !== undefined) throw new InvalidOption("CW-APP-011", `the timeout of close ${fault}`, { evidence: { option: "timeout", given: String(timeout) }, hint: 'Give milliseconds, or text such as "30s".' });
}
