import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigurationError } from "#internal/errors/index";
import { findConfig } from "#internal/config/find";

let cwd = "";
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "caraway-find-"));
});
afterEach(async () => {
  delete process.env["CARAWAY_PROFILE"];
  await rm(cwd, { recursive: true, force: true });
});

const write = (name: string, text: string): Promise<void> => writeFile(join(cwd, name), text);
const failure = async (profile?: string): Promise<ConfigurationError> => {
  const error = await findConfig(cwd, profile).then(() => undefined, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigurationError);
  return error as ConfigurationError;
};
const withProfiles = 'export default { retries: 1, cache: false, profiles: { site: { retries: 2 }, laptop: { runDir: "runs", cache: undefined } } };';

describe("findConfig", () => {
  it("answers undefined where there is no file", async () => {
    expect(await findConfig(cwd)).toBeUndefined();
  });

  it.each([
    ["caraway.config.mjs", "export default { retries: 1 };"],
    ["caraway.config.js", "module.exports = { retries: 1 };"],
    ["caraway.config.json", '{ "retries": 1 }'],
  ])("loads %s", async (name, text) => {
    await write(name, text);
    expect(await findConfig(cwd)).toEqual({ path: join(cwd, name), config: { retries: 1 } });
  });

  it("loads TypeScript by the tsx that the project has", async () => {
    await mkdir(join(cwd, "node_modules"));
    const tsx = dirname(fileURLToPath(import.meta.resolve("tsx/package.json")));
    await symlink(tsx, join(cwd, "node_modules", "tsx"));
    await write("caraway.config.ts", "interface Shape { retries: number }\nenum Budget { one = 1 }\nexport default { retries: Budget.one } satisfies Shape;");
    expect((await findConfig(cwd))?.config).toEqual({ retries: 1 });
  });

  it.skipIf("typescript" in process.features && Boolean(process.features.typescript))("says how to run TypeScript where nothing does", async () => {
    await write("caraway.config.ts", "export default { retries: 1 as number };");
    const error = await failure();
    expect(error.message).toMatch(/caraway\.config\.ts is TypeScript, and nothing here runs TypeScript$/);
    expect(error.hint).toContain("npm install --save-dev tsx");
  });

  it("prefers TypeScript to JavaScript to JSON", async () => {
    await write("caraway.config.json", '{ "retries": 1 }');
    await write("caraway.config.mjs", "export default { retries: 2 };");
    expect((await findConfig(cwd))?.config).toEqual({ retries: 2 });
  });

  it("lays a profile over the settings, keeping what it leaves out or undefined", async () => {
    await write("caraway.config.mjs", withProfiles);
    expect((await findConfig(cwd, "site"))?.config).toEqual({ retries: 2, cache: false });
    expect((await findConfig(cwd, "laptop"))?.config).toEqual({ retries: 1, cache: false, runDir: "runs" });
    expect((await findConfig(cwd))?.config).toEqual({ retries: 1, cache: false });
  });

  it("takes the profile from CARAWAY_PROFILE, unless one is named", async () => {
    await write("caraway.config.mjs", withProfiles);
    process.env["CARAWAY_PROFILE"] = "site";
    expect((await findConfig(cwd))?.config).toMatchObject({ retries: 2 });
    expect((await findConfig(cwd, "laptop"))?.config).toMatchObject({ retries: 1 });
    process.env["CARAWAY_PROFILE"] = "";
    expect((await findConfig(cwd))?.config).toMatchObject({ retries: 1 });
  });

  it("lists the profiles there are where one is unknown", async () => {
    await write("caraway.config.mjs", withProfiles);
    const error = await failure("sit");
    expect(error.message).toBe('the configuration has no profile "sit"; it has "site", "laptop"');
    expect(error.hint).toBe('Did you mean "site"?');
    expect((await failure("toString")).message).toContain('no profile "toString"');
  });

  it("refuses a profile where there is no file to hold it", async () => {
    expect((await failure("site")).message).toContain("has no configuration file");
  });

  it.each([
    ["caraway.config.json", "{ retries: 1 }", /cannot be loaded: .*JSON/],
    ["caraway.config.mjs", "export default {", /cannot be loaded: Unexpected/],
    ["caraway.config.mjs", 'throw new Error("no luck")', /cannot be loaded: no luck$/],
    ["caraway.config.mjs", "export const config = {};", /has no default export$/],
  ])("names the file and the reason where %s is broken", async (name, text, message) => {
    await write(name, text);
    const error = await failure();
    expect(error.message).toMatch(message);
    expect(error.where.file).toBe(join(cwd, name));
  });
});
