import { catalogue, type CatalogueEntry } from "../errors/index.js";
import { nearest } from "../config/suggest.js";
import { exitCodes, printJson, table, UsageError, type Command, type Invocation } from "./command.js";

const all: Readonly<Record<string, CatalogueEntry>> = catalogue;

/** `caraway errors [code]`: what a code means and what to do about it. */
export const errors: Command = {
  name: "errors",
  usage: "[code or name]",
  about: "Explains an error: what it means, where the fault lies, whether a retry may help, and what to do.\nWithout a code it lists them all.",
  options: {},
  most: 1,
  run: async ({ arguments: [wanted], json, terminal }: Invocation) => {
    if (wanted === undefined) {
      if (json) printJson(terminal, all);
      else terminal.out(table(Object.entries(all).map(([code, { name, title }]) => [`${code}  ${name}`, title])));
      return Promise.resolve(exitCodes.ok);
    }
    const [code, entry] = lookUp(wanted);
    if (json) printJson(terminal, { code, ...entry });
    else terminal.out(explain(code, entry));
    return Promise.resolve(exitCodes.ok);
  },
};

function lookUp(wanted: string): [string, CatalogueEntry] {
  const found = Object.entries(all).find(([code, { name }]) => code === wanted.toUpperCase() || name.toLowerCase() === wanted.toLowerCase());
  if (found) return found;
  const near = nearCodes(wanted);
  throw new UsageError(`no error has the code or name ${JSON.stringify(wanted)}${near.length === 0 ? "; `caraway errors` lists them" : `; near it: ${near.join(", ")}`}`);
}

/** Codes of the same group, else the nearest code or name. */
function nearCodes(wanted: string): string[] {
  const group = /^CW-[A-Z]+-/.exec(wanted.toUpperCase())?.[0];
  const mates = group === undefined ? [] : Object.keys(all).filter((code) => code.startsWith(group));
  if (mates.length > 0) return mates;
  const meant = nearest(wanted, [...Object.keys(all), ...Object.values(all).map(({ name }) => name)]);
  return meant === undefined ? [] : [meant];
}

const origins: Readonly<Record<CatalogueEntry["origin"], string>> = {
  app: "the app",
  infrastructure: "what the work runs on",
  configuration: "what was asked for",
  internal: "caraway itself",
};

function explain(code: string, { name, title, origin, retryable, hint }: CatalogueEntry): string {
  const rows: [string, string][] = [
    ["the fault lies with", origins[origin]],
    ["a retry may help", retryable ? "yes" : "no"],
    ["what to do", hint],
  ];
  return `${code} ${name}: ${title}\n\n${table(rows)}`;
}
