import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { caraway, scratch } from "./terminal.js";

async function project(config: string, name = "caraway.config.json"): Promise<string> {
  const cwd = await scratch();
  await writeFile(join(cwd, name), config);
  return cwd;
}

describe("caraway check", () => {
  it("finds nothing wrong with a good file", async () => {
    const cwd = await project('{ "retries": 1 }');
    expect(await caraway(["check"], cwd)).toEqual({ code: 0, out: `${join(cwd, "caraway.config.json")}: nothing wrong\n`, err: "" });
  });

  it("is content where there is no file", async () => {
    expect(await caraway(["check"], await scratch())).toMatchObject({ code: 0, out: expect.stringContaining("the defaults hold") as string });
  });

  it("shows all problems at once and ends with 2", async () => {
    const cwd = await project('{ "retrys": 1, "cache": 3, "executors": [{ "kind": "thread-pool", "minThreads": 2, "maxThreads": 1 }], "profiles": { "a": { "runDir": 1 } } }');
    const { code, out } = await caraway(["check"], cwd);
    expect(code).toBe(2);
    expect(out.split("\n").slice(0, -1)).toEqual([
      `${join(cwd, "caraway.config.json")}: 4 errors, 0 warnings`,
      "  error   cache must be true or false, but is 3",
      "  error   profiles.a.runDir must be a text that is not empty, but is 1",
      "  error   retrys is not an option of a configuration; did you mean retries?",
      "  error   executors[0].minThreads is 2, more than maxThreads, which is 1",
    ]);
  });

  it("ends with 0 where it only warns", async () => {
    const { code, out } = await caraway(["check"], await project('{ "executors": [{ "kind": "thread-pool", "maxThreads": 100000 }] }'));
    expect(code).toBe(0);
    expect(out).toContain("0 errors, 1 warning\n");
  });

  it("takes a path, and gives JSON", async () => {
    const cwd = await project('{ "cache": 3 }', "other.json");
    const { code, out } = await caraway(["check", "other.json", "--json"], cwd);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({ path: join(cwd, "other.json"), problems: [{ path: "cache", message: "must be true or false, but is 3", severity: "error", code: "CW-CONF-001" }] });
  });

  it.each([
    ["{", [], /^CW-CONF-001 ConfigurationError: the configuration file .* cannot be loaded/],
    ['{ "profiles": { "site": {} } }', ["--profile", "sight"], /has no profile "sight"; it has "site"/],
  ])("ends with 2 for %j %j", async (config, words, err) => {
    expect(await caraway(["check", ...words], await project(config))).toMatchObject({ code: 2, err: expect.stringMatching(err) as string });
  });

  it("names a file that does not exist", async () => {
    expect(await caraway(["check", "nowhere.json"], await scratch())).toMatchObject({ code: 2, err: expect.stringContaining("nowhere.json cannot be loaded") as string });
  });
});
