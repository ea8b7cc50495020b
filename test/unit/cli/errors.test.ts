import { describe, expect, it } from "vitest";
import { catalogue } from "#internal/errors/index";
import { caraway } from "./terminal.js";

describe("caraway errors", () => {
  it("lists every code with its class and title", async () => {
    const { code, out } = await caraway(["errors"]);
    expect(code).toBe(0);
    for (const [errorCode, { name, title }] of Object.entries(catalogue)) expect(out).toMatch(new RegExp(`${errorCode}  ${name} .*${title.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`));
  });

  it.each(["CW-APP-002", "cw-app-002", "AppTimeout"])("explains %s", async (wanted) => {
    const { code, out } = await caraway(["errors", wanted]);
    expect(code).toBe(0);
    expect(out).toContain("CW-APP-002 AppTimeout: an attempt ran longer than its walltime");
    expect(out).toMatch(/the fault lies with +the app/);
    expect(out).toMatch(/a retry may help +yes/);
    expect(out).toMatch(/what to do +Raise `walltime`/);
  });

  it("gives the entry as JSON", async () => {
    expect(JSON.parse((await caraway(["errors", "CW-CONF-001", "--json"])).out)).toEqual({ code: "CW-CONF-001", ...catalogue["CW-CONF-001"] });
    expect(JSON.parse((await caraway(["errors", "--json"])).out)).toEqual(catalogue);
  });

  it("suggests near codes for one that does not exist", async () => {
    expect(await caraway(["errors", "CW-KERN-9"])).toMatchObject({ code: 2, err: expect.stringMatching(/near it: CW-KERN-001, CW-KERN-002/) as string });
    expect((await caraway(["errors", "AppTimout"])).err).toContain("near it: AppTimeout");
  });
});
