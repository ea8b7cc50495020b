import { createHash } from "node:crypto";

/** What a scripted task does in one attempt. Times are milliseconds on its worker. */
export type Act =
  /** Returns its result. */
  | { readonly do: "return"; readonly ms: number }
  | { readonly do: "throw"; readonly ms: number; readonly message: string }
  /** Ends its worker by `process.exit`. */
  | { readonly do: "exit"; readonly ms: number; readonly code: number }
  /** Its worker dies under it, by no fault that can be seen. */
  | { readonly do: "die"; readonly ms: number }
  /** Uses up the memory of its worker. */
  | { readonly do: "exhaust"; readonly ms: number }
  /** Runs for ever, and can be ended. */
  | { readonly do: "hang" }
  /** Returns after a synchronous native call, which cannot be ended from outside. */
  | { readonly do: "native"; readonly ms: number }
  /** Watches its abort signal: throws `yields` ms after it, or takes no notice where that is negative. */
  | { readonly do: "cooperate"; readonly ms: number; readonly yields: number };

/** What a task does, attempt by attempt; the last act is repeated. */
export interface Script {
  /** What its result is made from, with its other arguments. */
  readonly key: string;
  readonly acts: readonly Act[];
}

/** The result of a scripted task. */
export interface ScriptedResult {
  readonly v: string;
}

export function actOf(script: Script, attempt: number): Act {
  return script.acts[Math.min(attempt, script.acts.length) - 1] ?? { do: "return", ms: 0 };
}

/** The result of a scripted task: a digest of its key and of every value it was given, so that no input can be mixed up unseen. */
export function scriptedResult(key: string, inputs: readonly unknown[]): ScriptedResult {
  return { v: createHash("sha256").update(JSON.stringify([key, ...inputs])).digest("hex").slice(0, 12) };
}

/** What scripted tasks throw. */
export class ScriptedError extends Error {
  override readonly name = "ScriptedError";
  readonly code = "SCRIPTED";
}

/** The error of an act that throws, with what must survive the way to the head: message, own properties and a cause. */
export function scriptedError(message: string, task: number, attempt: number): ScriptedError {
  return Object.assign(new ScriptedError(message, { cause: new RangeError(`cause of ${message}`) }), { task, attempt });
}

/** The shell command that stands for a scripted task. */
export function commandOf(script: Script, inputs: readonly unknown[]): string {
  return `simulate ${JSON.stringify({ script, inputs })}`;
}

/** The script in a command made by `commandOf`. */
export function scriptIn(command: string): { readonly script: Script; readonly inputs: readonly unknown[] } {
  return JSON.parse(command.slice(command.indexOf("{"))) as { script: Script; inputs: unknown[] };
}
