import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { AnyStateMachine } from "xstate";
import { nearest } from "../config/suggest.js";
import { exitCodes, printJson, UsageError, type Command, type Invocation } from "./command.js";

const formats = ["mermaid", "svg"] as const;
type Format = (typeof formats)[number];

interface Picture {
  readonly name: string;
  readonly format: Format;
  readonly text: string;
}

/** `caraway charts`: the state charts that the runtime runs, as pictures. */
export const charts: Command = {
  name: "charts",
  usage: "[name…] [--out DIR] [--format mermaid|svg]",
  about: "Draws the state charts that the runtime runs: all of them, or those named. Without --out they are printed,\nas Mermaid unless --format says svg; with it they are written to files, in both formats unless --format says one.",
  options: {
    out: { type: "string", value: "DIR", about: "the directory to write to; made where it is missing" },
    format: { type: "string", value: "FORMAT", about: "mermaid or svg" },
  },
  most: Infinity,
  run: async ({ arguments: names, options, json, terminal, cwd }: Invocation) => {
    const out = typeof options["out"] === "string" ? resolve(cwd, options["out"]) : undefined;
    const pictures = await draw(await machinesOf(names), formatsOf(options["format"], out !== undefined));
    const written = out === undefined ? [] : await writePictures(pictures, out);
    if (json) printJson(terminal, { charts: out === undefined ? pictures : written });
    else terminal.out(out === undefined ? pictures.map(({ text }) => text).join("\n") : written.map(({ file }) => `${file}\n`).join(""));
    return exitCodes.ok;
  },
};

function formatsOf(wanted: string | boolean | undefined, toFiles: boolean): readonly Format[] {
  if (wanted === undefined) return toFiles ? formats : ["mermaid"];
  const format = formats.find((known) => known === wanted);
  if (format === undefined) throw new UsageError(`there is no format ${JSON.stringify(wanted)}; there are ${formats.join(" and ")}`);
  return [format];
}

async function machinesOf(names: readonly string[]): Promise<[string, AnyStateMachine][]> {
  const { charts: known } = await import("../state-machines/index.js");
  if (names.length === 0) return Object.entries(known);
  return names.map((name) => {
    const machine = Object.hasOwn(known, name) ? known[name] : undefined;
    if (machine) return [name, machine];
    const meant = nearest(name, Object.keys(known));
    throw new UsageError(`there is no chart ${JSON.stringify(name)}${meant === undefined ? "" : `; did you mean ${meant}?`} There are ${Object.keys(known).join(", ")}.`);
  });
}

async function draw(machines: readonly [string, AnyStateMachine][], wanted: readonly Format[]): Promise<Picture[]> {
  const { toMermaid } = await import("../monitoring/pictures/mermaid.js");
  const { toSvg } = await import("../monitoring/pictures/svg.js");
  const jobs = machines.flatMap(([name, machine]) => wanted.map(async (format): Promise<Picture> => ({ name, format, text: format === "svg" ? await toSvg(machine) : toMermaid(machine) })));
  return Promise.all(jobs);
}

async function writePictures(pictures: readonly Picture[], out: string): Promise<{ name: string; format: Format; file: string }[]> {
  await mkdir(out, { recursive: true });
  return Promise.all(
    pictures.map(async ({ name, format, text }) => {
      const file = join(out, `${name}.${format === "svg" ? "svg" : "mmd"}`);
      await writeFile(file, text);
      return { name, format, file };
    }),
  );
}
