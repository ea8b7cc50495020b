import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { createActorSystem } from "caraway/actors";
import type { Self } from "caraway/actors";

describe("on the time of this machine", () => {
  it("the same supervisors start, restart with back-off, and stop in reverse", async () => {
    const system = createActorSystem({ name: "real" });
    const log: string[] = [];
    const worker = (id: string) => ({
      id,
      backoff: { min: 2, max: 5 },
      run: async (self: Self<string>) => {
        log.push(`start ${id}.${self.incarnation}`);
        self.onStop(() => void log.push(`stop ${id}.${self.incarnation}`));
        self.receive((text, reply) => {
          if (text === "fail") throw new Error("broken");
          reply(`${id}.${self.incarnation}`);
        });
      },
    });
    const top = await system.supervise({ strategy: "one_for_all", intensity: 3, children: [worker("a"), worker("b")] });
    const [b, a] = top.children().map(({ ref }) => ref);
    if (typeof a !== "object" || typeof b !== "object") throw new Error("not started");
    a.tell("fail");
    expect(await a.ask("who")).toBe("a.2");
    expect(await b.ask("who")).toBe("b.2");
    await system.stop({ timeout: "5s" });
    expect(log).toEqual(["start a.1", "start b.1", "stop a.1", "stop b.1", "start a.2", "start b.2", "stop b.2", "stop a.2"]);
    expect([await a.ended, await top.ended]).toEqual(["shutdown", "shutdown"]);
  });

  it("a start that never ends, and a stop that never ends, have their limits", async () => {
    await using system = createActorSystem({ name: "real" });
    const never = (): Promise<void> => new Promise(() => undefined);
    await expect(system.supervise({ children: [{ id: "a", startTimeout: 10, run: never }] })).rejects.toMatchObject({ reason: "failed_to_start_child" });
    const top = await system.supervise({ children: [{ id: "a", shutdown: 10, run: (self) => self.onStop(never) }] });
    const ref = top.children()[0]?.ref;
    await top.shutdown();
    expect(typeof ref === "object" && (await ref.ended)).toBe("killed");
  });

  it("an idle system does not keep the program alive, and thousands of ends leave no rejection unhandled", () => {
    const script = `
      import { createActorSystem } from "caraway/actors";
      process.on("unhandledRejection", (error) => { console.log("unhandled", error); process.exitCode = 1; });
      const system = createActorSystem({ name: "idle" });
      const top = await system.supervise({ strategy: "simple_one_for_one", intensity: 0, child: { restart: "temporary", run: (self) => self.receive(() => { throw new Error("planned"); }) } });
      const refs = await Promise.all(Array.from({ length: 2000 }, () => top.start({})));
      for (const ref of refs) ref.tell("go");
      await Promise.all(refs.map((ref) => ref.ended));
      await top.start({});
      console.log("left", top.count().active);`;
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8", cwd: new URL("../../..", import.meta.url), timeout: 30_000 });
    expect([stdout.trim(), stderr.replace(/^npm warn.*$/gm, ""), status]).toEqual(["left 1", "", 0]);
  });
});
