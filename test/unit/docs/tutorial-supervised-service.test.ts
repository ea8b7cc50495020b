import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it } from "vitest";

const example = "examples/supervised-service";

const linesOf = (text: string): string[] => text.split("\n").filter((line) => line.trim() !== "");

describe("docs/tutorial-supervised-service.md", () => {
  let page = "";
  const blocks = (language: string): string[] => [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, code = ""]) => code);

  beforeAll(async () => {
    page = await readFile("docs/tutorial-supervised-service.md", "utf8");
  });

  it("prints what the example prints, all of it and in its order", async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${example}/main.mjs`]);
    expect(stderr).toBe("");
    expect(blocks("text").flatMap(linesOf)).toEqual(linesOf(stdout));
  });

  it("shows the code of the example, in runs of lines as they stand there", async () => {
    const files = await Promise.all(["main", "stock", "mailer"].map(async (name) => linesOf(await readFile(`${example}/${name}.mjs`, "utf8")).join("\n")));
    const shown = blocks("js").map((code) => linesOf(code).join("\n"));
    expect(shown.length).toBeGreaterThan(8);
    expect(shown.filter((code) => !files.some((file) => file.includes(code)))).toEqual([]);
  });
});
