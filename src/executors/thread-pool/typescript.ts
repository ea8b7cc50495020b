import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Makes a worker load TypeScript as the main program does: through tsx, found from the user's project. Where there is none, files of TypeScript stay unknown to it. */
export async function registerTypeScript(project: string): Promise<void> {
  const path = findTsx(project);
  if (path === undefined) return;
  const api = (await import(pathToFileURL(path).href)) as { register: () => unknown };
  api.register();
}

function findTsx(project: string): string | undefined {
  for (const from of [project, join(process.cwd(), "package.json"), import.meta.url]) {
    try {
      return createRequire(from).resolve("tsx/esm/api");
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
  const viaVitest = vitest === "true" && (process.features as { typescript?: unknown }).typescript !== "strip";
  if (!viaTsx && !viaVitest) return undefined;
  const main = process.argv[1];
  return main === undefined || viaVitest ? join(process.cwd(), "package.json") : main;
}
