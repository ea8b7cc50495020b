import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

interface Loader {
  register(): unknown;
}

/** Makes a worker load TypeScript as the main program does: through tsx, found from the user's project. Where there is none, files of TypeScript stay unknown to it. */
export async function registerTypeScript(project: string): Promise<void> {
  const tsx = findTsx(project);
  if (tsx === undefined) return;
  (tsx.require("tsx/cjs/api") as Loader).register();
  ((await import(pathToFileURL(tsx.loader).href)) as Loader).register();
}

function findTsx(project: string): { readonly require: NodeJS.Require; readonly loader: string } | undefined {
  for (const from of [project, join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      const require = createRequire(from);
      const manifest = require.resolve("tsx/package.json");
      const { exports } = require(manifest) as { exports: { "./esm/api": { import: { default: string } } } };
      return { require, loader: join(dirname(manifest), exports["./esm/api"].import.default) };
    } catch {
      continue; // it is not installed there
    }
  }
  return undefined;
}

/** The file to look for tsx from, where the main program runs TypeScript otherwise than by Node's own means, which workers inherit. */
export function typescriptProject(): string | undefined {
  const { NODE_OPTIONS: options = "", VITEST: vitest, CARAWAY_TYPESCRIPT: asked } = process.env;
  const viaTsx = process.execArgv.some((arg) => /\btsx\b/.test(arg)) || /\btsx\b/.test(options) || asked === "1";
  const viaVitest = vitest === "true";
  if (!viaTsx && !viaVitest) return undefined;
  const main = process.argv[1];
  return main === undefined || viaVitest ? join(process.cwd(), "package.json") : main;
}
