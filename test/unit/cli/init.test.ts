import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import manifest from "../../../package.json" with { type: "json" };
import { bin, caraway, scratch } from "./terminal.js";

describe("caraway init", () => {
  it("writes a project and names its files", async () => {
    const cwd = await scratch();
    const { code, out } = await caraway(["init", "My Work"], cwd);
    const directory = join(cwd, "My Work");
    expect(code).toBe(0);
    expect((await readdir(directory)).sort()).toEqual(["caraway.config.mjs", "package.json", "workflow.mjs"]);
    for (const file of await readdir(directory)) expect(out).toContain(`wrote ${join(directory, file)}\n`);
    expect(JSON.parse(await readFile(join(directory, "package.json"), "utf8"))).toEqual({
      name: "my-work", private: true, type: "module", scripts: { start: "caraway run workflow.mjs" }, dependencies: { caraway: `^${manifest.version}` },
    });
    expect(out).toMatch(/next: cd My Work && npm install && npm start\n$/);
  });

  it("writes a project that runs, and a configuration without fault", async () => {
    const cwd = await scratch();
    await caraway(["init"], cwd);
    await mkdir(join(cwd, "node_modules"));
    await symlink(dirname(dirname(bin)), join(cwd, "node_modules", "caraway"));
    expect((await caraway(["check"], cwd)).out).toContain("nothing wrong");
    const { stdout } = await promisify(execFile)(process.execPath, [bin, "run", "--no-progress", "--profile", "careful", "workflow.mjs"], { cwd });
    expect(stdout).toBe("hello, world: the squares add up to 30\n");
  });

  it("keeps a package.json that is there", async () => {
    const cwd = await scratch();
    await writeFile(join(cwd, "package.json"), "{}");
    const { code, out } = await caraway(["init"], cwd);
    expect(code).toBe(0);
    expect(await readFile(join(cwd, "package.json"), "utf8")).toBe("{}");
    expect(out).toContain("next: npm install caraway && npx caraway run workflow.mjs");
  });

  it("overwrites nothing, and then writes nothing", async () => {
    const cwd = await scratch();
    await writeFile(join(cwd, "caraway.config.mjs"), "mine");
    const { code, err } = await caraway(["init"], cwd);
    expect(code).toBe(1);
    expect(err).toContain(join(cwd, "caraway.config.mjs"));
    expect(await readdir(cwd)).toEqual(["caraway.config.mjs"]);
    expect(await readFile(join(cwd, "caraway.config.mjs"), "utf8")).toBe("mine");
  });

  it("gives JSON", async () => {
    const cwd = await scratch();
    expect(JSON.parse((await caraway(["init", "--json"], cwd)).out)).toEqual({ written: ["package.json", "workflow.mjs", "caraway.config.mjs"].map((name) => join(cwd, name)), inTheWay: [] });
  });
});
