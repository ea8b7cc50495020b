import { resolve } from "node:path";
import { exitCodes, printJson, UsageError, type Command, type Invocation } from "./command.js";

/** `caraway verify <recording>`: the first rule that a recorded run broke. */
export const verify: Command = {
  name: "verify",
  usage: "recording [--grace MS]",
  about: "Checks a run that was recorded (`recordTransitions` of caraway/testing writes such files) against the rules that\nmust hold of every run, and tells the first one that is broken, with the story of the things involved.\nEnds with 1 where there is one, with 0 where there is none, with 2 where the file is no recording.",
  options: { grace: { type: "string", value: "MS", about: "by how much a time limit may be passed (default: 1000)" } },
  most: 1,
  run: async ({ arguments: [given], options, json, terminal, cwd }: Invocation) => {
    if (given === undefined) throw new UsageError("caraway verify wants the path of a recording");
    const { describeVerdict, verifyRecording } = await import("../testing/verify-recording.js");
    const verdict = await verifyRecording(resolve(cwd, given), graceOf(options["grace"]));
    if (json) printJson(terminal, { ...verdict, violation: verdict.violation ?? null });
    else terminal.out(`${describeVerdict(verdict)}\n`);
    return verdict.violation === undefined ? exitCodes.ok : exitCodes.failed;
  },
};

function graceOf(given: string | boolean | undefined): { readonly grace?: number } {
  if (given === undefined) return {};
  const grace = Number(given);
  if (typeof given !== "string" || given.trim() === "" || !(grace >= 0)) throw new UsageError(`--grace is a number of milliseconds, not ${JSON.stringify(given)}`);
  return { grace };
}
