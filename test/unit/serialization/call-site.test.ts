import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { callSite } from "#internal/serialization/function-source";

const root = new URL("../../../", import.meta.url);
const module = new URL("dist/serialization/function-source.js", root).href;
const node = (script: string, ...options: string[]): unknown => JSON.parse(execFileSync(process.execPath, [...options, "-e", script], { encoding: "utf8", cwd: root }));

test("the call site is the line of the caller, in this file", () => {
  const site = callSite();
  const lines = readFileSync(fileURLToPath(import.meta.url), "utf8").split("\n");
  expect(site?.file).toBe(fileURLToPath(import.meta.url));
  expect(lines[(site?.line ?? 0) - 1]).toContain("const site = callSite();");
});

test("it is found below Node's own frames and those of a callback, and with any limit on stacks", () => {
  const before = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = 0;
    expect([1].map(() => callSite())[0]?.file).toBe(fileURLToPath(import.meta.url));
    expect(Error.stackTraceLimit).toBe(0);
  } finally {
    Error.stackTraceLimit = before;
  }
});

test("how stacks are made is as before, whoever set it, and may fail", () => {
  const before = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  try {
    const prepare = (): never => { throw new Error("not my stack"); };
    Object.defineProperty(Error, "prepareStackTrace", { value: prepare, writable: true, configurable: true, enumerable: true });
    const own = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
    expect(callSite()?.file).toBe(fileURLToPath(import.meta.url));
    expect(Object.getOwnPropertyDescriptor(Error, "prepareStackTrace")).toEqual(own);
    Reflect.deleteProperty(Error, "prepareStackTrace");
    expect(callSite()?.file).toBe(fileURLToPath(import.meta.url));
    expect(Object.hasOwn(Error, "prepareStackTrace")).toBe(false);
  } finally {
    if (before !== undefined) Object.defineProperty(Error, "prepareStackTrace", before);
  }
});

test("a program given by -e, code in eval, and a frozen Error are no obstacle", () => {
  const evaluated = node(`import(${JSON.stringify(module)}).then(({ callSite }) => { console.log(JSON.stringify(callSite())); })`);
  expect(evaluated).toMatchObject({ file: "[eval]", line: 1 });
  const inEval = node(`import(${JSON.stringify(module)}).then(({ callSite }) => { globalThis.c = callSite;\n const site = eval("c()");\n console.log(JSON.stringify(site)); })`);
  expect(inEval).toMatchObject({ file: "[eval]", line: 2 });
  const frozen = node(`import(${JSON.stringify(module)}).then(({ callSite }) => { Object.freeze(Error); console.log(JSON.stringify({ site: callSite() ?? null })); })`);
  expect(frozen).toHaveProperty("site");
});

test("TypeScript under tsx: call sites are those of the source, and compiled functions ship and run", () => {
  const script = fileURLToPath(new URL("./fixtures/compiled.ts", import.meta.url));
  const printed = execFileSync(process.execPath, ["--import", "tsx", script], { encoding: "utf8", cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  const { site, result, refused } = JSON.parse(printed) as { site: unknown; result: unknown; refused: string };
  expect(site).toMatchObject({ file: new URL("./fixtures/compiled.ts", import.meta.url).href, line: 8 });
  expect(result).toEqual({ sum: 2, named: ["plus", "Counter"], log: ["object", "disposed"], greeting: "hello from beside the defining file", url: new URL("./fixtures/compiled.ts", import.meta.url).href });
  expect(refused).toMatch(/OutsideVariable: the function uses variables from outside itself: `basename` \(line 27\)/);
});
