import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { charts } from "#internal/state-machines/index";
import { toMermaid } from "#internal/monitoring/pictures/mermaid";
import { toSvg } from "#internal/monitoring/pictures/svg";
import { caraway, scratch } from "./terminal.js";

const [name = "", machine] = Object.entries(charts)[0] ?? [];

describe("caraway charts", () => {
  it("writes every chart in both formats", async () => {
    const out = join(await scratch(), "a", "b");
    const { code } = await caraway(["charts", "--out", out]);
    expect(code).toBe(0);
    expect((await readdir(out)).sort()).toEqual(Object.keys(charts).flatMap((chart) => [`${chart}.mmd`, `${chart}.svg`]).sort());
    expect(await readFile(join(out, `${name}.svg`), "utf8")).toBe(machine && (await toSvg(machine)));
  });

  it("prints Mermaid of one chart", async () => {
    expect(await caraway(["charts", name])).toEqual({ code: 0, out: machine && toMermaid(machine), err: "" });
  });

  it("prints SVG where it is asked for", async () => {
    expect((await caraway(["charts", name, "--format", "svg"])).out).toMatch(/^<svg /);
  });

  it("gives JSON", async () => {
    expect(JSON.parse((await caraway(["charts", name, "--json"])).out)).toEqual({ charts: [{ name, format: "mermaid", text: machine && toMermaid(machine) }] });
  });

  it.each([
    [["charts", `${name}x`], `did you mean ${name}?`],
    [["charts", "--format", "png"], 'there is no format "png"; there are mermaid and svg'],
  ])("refuses %j", async (words, err) => {
    expect(await caraway(words)).toMatchObject({ code: 2, err: expect.stringContaining(err) as string });
  });
});
