import { createRequire, isBuiltin } from "node:module";
import { pathToFileURL } from "node:url";

/** Makes a worker load TypeScript as the main program does: through tsx, found from the user's project. */
export async function registerTypeScript(project: string): Promise<void> {
  const require = createRequire(project);
  const api = (await import(pathToFileURL(require.resolve("tsx/esm/api")).href)) as { register: () => unknown };
  api.register();
}

/** The file to look for tsx from, where the main program runs TypeScript through it. */
export function typescriptProject(): string | undefined {
  const viaTsx = process.execArgv.some((arg) => /\btsx\b/.test(arg)) || /\btsx\b/.test(process.env["NODE_OPTIONS"] ?? "") || process.env["CARAWAY_TYPESCRIPT"] === "1";
  const main = process.argv[1];
  if (!viaTsx || main === undefined || isBuiltin(main)) return undefined;
  return main;
}
