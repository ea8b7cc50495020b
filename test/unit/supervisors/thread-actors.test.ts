import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { NotYetSupported } from "#internal/errors/index";
import { elsewhere, moduleOf } from "./elsewhere.js";
import { Lab } from "./lab.js";

elsewhere({ where: "in a thread", on: () => "thread", sharesMemory: true });

describe("a module in a thread on simulated time", () => {
  it("is refused", async () => {
    const lab = new Lab();
    await expect(lab.settled(lab.system.supervise({ children: [{ id: "a", on: "thread", module: moduleOf("clerk.mjs") }] }))).rejects.toMatchObject({ cause: expect.any(NotYetSupported) as Error });
  });
});

describe("the program", () => {
  const run = (script: string): readonly unknown[] => {
    const url = JSON.stringify(moduleOf("clerk.mjs").href);
    const begin = `import { createActorSystem } from "caraway/actors"; const system = createActorSystem({ name: "s" }); const top = await system.supervise({ children: [{ id: "a", on: "thread", module: new URL(${url}) }] }); const { ref } = top.children()[0];`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", begin + script], { encoding: "utf8", cwd: new URL("../../..", import.meta.url), timeout: 30_000 });
    return [stdout.trim(), stderr.replace(/^npm warn.*$/gm, ""), status];
  };

  it("is not kept alive by a thread that waits, and is by one that owes an answer", () => {
    expect(run(`console.log(await ref.ask({ type: "count" })); process.on("exit", () => console.log("over"));`)).toEqual(["1\nover", "", 0]);
  });

  it("ends when its system has stopped, threads in endless loops included", () => {
    expect(run(`const said = new Int32Array(new SharedArrayBuffer(4)); ref.tell({ type: "loop", said }); await Atomics.waitAsync(said, 0, 0, 5000).value; await system.stop({ timeout: 50 }); console.log(await ref.ended);`)).toEqual(["killed", "", 0]);
  });
});
