import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ConfigurationError } from "../errors/index.js";
import { nearest } from "./suggest.js";

/** The names a configuration file may have, the first of them that exists is taken. */
export const configFileNames = ["caraway.config.ts", "caraway.config.mts", "caraway.config.js", "caraway.config.mjs", "caraway.config.json"] as const;

export interface FoundConfig {
  readonly path: string;
  /** What the file exports, with the profile laid over it; not checked yet. */
  readonly config: unknown;
}

/** The configuration of a directory, or undefined where it has no configuration file. The profile is `CARAWAY_PROFILE` where none is named. */
export async function findConfig(cwd: string, profile = process.env["CARAWAY_PROFILE"]): Promise<FoundConfig | undefined> {
  const wanted = profile === "" ? undefined : profile;
  const path = findConfigFile(cwd);
  if (path !== undefined) return { path, config: selectProfile(await loadConfigFile(path, cwd), wanted) };
  if (wanted === undefined) return undefined;
  throw new ConfigurationError("CW-CONF-001", `the profile ${JSON.stringify(wanted)} was asked for, but ${cwd} has no configuration file`, {
    evidence: { profile: wanted, cwd, names: configFileNames },
    hint: "Write a caraway.config.mjs with `profiles`, or unset CARAWAY_PROFILE.",
  });
}

/** The path of a directory's configuration file. */
export function findConfigFile(cwd: string): string | undefined {
  return configFileNames.map((name) => resolve(cwd, name)).find((path) => existsSync(path));
}

/** What a configuration file exports, as it is. TypeScript is loaded by the tsx that runs the program or that the project has, else by Node where it can. */
export async function loadConfigFile(path: string, cwd: string): Promise<unknown> {
  try {
    if (path.endsWith(".json")) return JSON.parse(await readFile(path, "utf8")) as unknown;
    return await defaultExport(await importModule(path, cwd), path);
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigurationError("CW-CONF-001", `the configuration file ${path} cannot be loaded: ${why}`, { cause, where: { file: path }, hint: "Mend the file; `caraway check` tries it again." });
  }
}

/** The settings of a configuration with those of a profile laid over them, without the profiles themselves. */
export function selectProfile(config: unknown, profile: string | undefined): unknown {
  if (!isObject(config)) return config;
  const { profiles, ...settings } = config;
  if (profile === undefined) return settings;
  const known = isObject(profiles) ? profiles : {};
  const chosen = Object.hasOwn(known, profile) ? known[profile] : undefined;
  if (chosen === undefined) throw unknownProfile(profile, Object.keys(known));
  if (!isObject(chosen)) return chosen;
  return { ...settings, ...Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined)) };
}

function unknownProfile(profile: string, names: readonly string[]): ConfigurationError {
  const meant = nearest(profile, names);
  const list = names.length === 0 ? "it defines none" : `it has ${names.map((name) => JSON.stringify(name)).join(", ")}`;
  return new ConfigurationError("CW-CONF-001", `the configuration has no profile ${JSON.stringify(profile)}; ${list}`, {
    evidence: { profile, profiles: names },
    hint: meant === undefined ? "Add it under `profiles`, or name another." : `Did you mean ${JSON.stringify(meant)}?`,
  });
}

async function importModule(path: string, cwd: string): Promise<unknown> {
  const url = pathToFileURL(path).href;
  if (!/\.m?ts$/.test(path) || runsUnderTsx()) return (await import(url)) as unknown;
  const tsx = tsxOf(cwd);
  if (typeof tsx === "string") return ((await import(tsx)) as { tsImport: (url: string, parent: string) => Promise<unknown> }).tsImport(url, url);
  if ("typescript" in process.features && Boolean(process.features.typescript)) return (await import(url)) as unknown;
  throw new ConfigurationError("CW-CONF-001", `the configuration file ${path} is TypeScript, and nothing here runs TypeScript`, {
    cause: tsx.missing,
    where: { file: path },
    hint: "Install tsx in the project (npm install --save-dev tsx), run the program with it, or write caraway.config.mjs.",
  });
}

function runsUnderTsx(): boolean {
  return [...process.execArgv, process.env["NODE_OPTIONS"] ?? ""].some((flag) => /\btsx\b/.test(flag));
}

/** The address of the interface of the project's tsx, which also runs what Node's own stripping of types does not. */
function tsxOf(cwd: string): string | { readonly missing: unknown } {
  try {
    const manifest = createRequire(join(cwd, "package.json")).resolve("tsx/package.json");
    const { exports } = createRequire(manifest)(manifest) as { exports: { "./esm/api": { import: { default: string } } } };
    return pathToFileURL(join(dirname(manifest), exports["./esm/api"].import.default)).href;
  } catch (missing) {
    return { missing };
  }
}

/** The default export; where a file was compiled to CommonJS it sits one level deeper. */
async function defaultExport(module: unknown, path: string): Promise<unknown> {
  if (!isObject(module) || !("default" in module)) {
    throw new ConfigurationError("CW-CONF-001", `the configuration file ${path} has no default export`, { where: { file: path }, hint: "Write `export default defineConfig({ … })`." });
  }
  const value = await module["default"];
  return isObject(value) && value["__esModule"] === true ? await value["default"] : value;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
