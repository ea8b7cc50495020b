import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** A project of these sources, with the real rules. */
async function check(sources: Readonly<Record<string, string>>): Promise<{ code: number; out: string }> {
  const project = await mkdtemp(join(tmpdir(), "caraway-rules-"));
  onTestFinished(() => rm(project, { recursive: true, force: true }));
  for (const file of [".dependency-cruiser.cjs", "tsconfig.json", "scripts/check-dependencies.js"]) await cp(join(root, file), join(project, file));
  await writeFile(join(project, "package.json"), '{ "type": "module", "dependencies": { "xstate": "*" }, "devDependencies": { "fast-check": "*" } }');
  await symlink(join(root, "node_modules"), join(project, "node_modules"));
  for (const [file, text] of Object.entries(sources)) {
    await mkdir(dirname(join(project, "src", file)), { recursive: true });
    await writeFile(join(project, "src", file), text);
  }
  return new Promise((done) => {
    execFile(process.execPath, ["scripts/check-dependencies.js"], { cwd: project }, (error, out, err) => done({ code: error === null ? 0 : 1, out: out + err }));
  });
}

const importing = (path: string): string => `import { x } from "${path}"; export const y = x;`;
const typing = (path: string): string => `import type { X } from "${path}"; export type Y = X;`;
const target = "export const x = 1; export interface X { a: 1 }";

describe("the dependency rules", () => {
  it("allow what the design allows", async () => {
    const { code, out } = await check({
      "errors/index.ts": target,
      "state-machines/task.ts": typing("../errors/index.js"),
      "actors/cell.ts": typing("../state-machines/task.js").replaceAll("X", "Y").replace("type Y = Y", "type Z = Y"),
      "supervisors/tree.ts": importing("../errors/index.js"),
      "executors/executor.ts": target,
      "dataflow/kernel.ts": importing("../executors/executor.js"),
      "monitoring/store.ts": target,
      "cli/main.ts": importing("../monitoring/store.js"),
      "index.ts": 'export * from "./monitoring/store.js";',
    });
    expect(out).toBe("9 modules, 0 forbidden imports\n");
    expect(code).toBe(0);
  });

  it("refuse every import the design forbids, naming it", async () => {
    const forbidden: [string, string, string][] = [
      ["errors/a.ts", "../actors/t.js", "errors-imports-only-what-it-may"],
      ["state-machines/a.ts", "../actors/t.js", "state-machines-imports-only-what-it-may"],
      ["state-machines/b.ts", "../errors/t.js", "state-machines-never-import-errors"],
      ["state-machines/c.ts", "node:fs", "state-machines-do-no-io"],
      ["actors/a.ts", "../dataflow/t.js", "actors-imports-only-what-it-may"],
      ["actors/b.ts", "../state-machines/t.js", "actors-never-import-state-machines"],
      ["supervisors/a.ts", "../dataflow/t.js", "supervisors-imports-only-what-it-may"],
      ["serialization/a.ts", "../executors/executor.js", "serialization-and-journal-and-mpi-and-config-never-import-executors-or-dataflow"],
      ["journal/a.ts", "../dataflow/t.js", "serialization-and-journal-and-mpi-and-config-never-import-executors-or-dataflow"],
      ["mpi/a.ts", "../dataflow/t.js", "serialization-and-journal-and-mpi-and-config-never-import-executors-or-dataflow"],
      ["config/a.ts", "../dataflow/t.js", "serialization-and-journal-and-mpi-and-config-never-import-executors-or-dataflow"],
      ["providers/a.ts", "../dataflow/t.js", "providers-and-executors-never-import-dataflow"],
      ["executors/a.ts", "../dataflow/t.js", "providers-and-executors-never-import-dataflow"],
      ["dataflow/a.ts", "../executors/pool.js", "dataflow-sees-executors-through-one-interface"],
      ["dataflow/b.ts", "../monitoring/t.js", "nothing-imports-monitoring-or-inspector"],
      ["dataflow/c.ts", "../inspector/t.js", "nothing-imports-monitoring-or-inspector"],
      ["cli/a.ts", "../index.js", "nothing-imports-the-public-face"],
      ["cli/b.ts", "fast-check", "no-development-dependencies"],
      ["cli/c.ts", "./nowhere.js", "no-unresolved"],
      ["dataflow/d.ts", "../cli/t.js", "actors-and-state-machines-and-supervisors-and-dataflow-and-executors-and-serialization-and-data-and-errors-and-config-and-monitoring-and-testing-never-import-cli"],
    ];
    const targets = ["actors/t.ts", "errors/t.ts", "state-machines/t.ts", "dataflow/t.ts", "monitoring/t.ts", "inspector/t.ts", "cli/t.ts", "executors/executor.ts", "executors/pool.ts", "index.ts"];
    const { code, out } = await check(Object.fromEntries([...targets.map((file) => [file, target]), ...forbidden.map(([file, path]) => [file, importing(path)])]) as Record<string, string>);
    expect(code).toBe(1);
    for (const [file, , rule] of forbidden) expect(out).toMatch(new RegExp(`^src/${file} -> .*\\n {2}${rule}: \\w`, "m"));
    expect(out).toContain(`${forbidden.length} forbidden imports`);
  });

  it("refuse cycles, but for those of types alone", async () => {
    const { out } = await check({ "data/a.ts": 'import "./b.js";', "data/b.ts": 'import "./a.js";', "data/c.ts": typing("./d.js"), "data/d.ts": 'import type { Y } from "./c.js"; export interface X { y: Y }' });
    expect(out).toMatch(/no-cycles/);
    expect(out).not.toMatch(/data\/[cd]\.ts/);
  });
});
