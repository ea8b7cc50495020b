import { app, bashApp } from "../dataflow/app.js";
import type { App } from "../dataflow/types.js";
import { commandOf, type Script, type ScriptedResult } from "./script.js";

/** A fresh app whose first argument is what its tasks do: simulated workers read the script and run no code. */
export function scriptedApp(): App<readonly [Script, ...unknown[]], ScriptedResult> {
  return app((script: Script, ..._inputs: unknown[]): ScriptedResult => ({ v: script.key }));
}

/** The same as a shell command. */
export function scriptedCommand(): App<readonly [Script, ...unknown[]], unknown> {
  return bashApp((script: Script, ...inputs: unknown[]) => commandOf(script, inputs), { returns: "json" });
}
