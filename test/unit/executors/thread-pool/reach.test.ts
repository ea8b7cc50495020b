import { expect, test } from "vitest";
import { reachOf } from "#internal/executors/thread-pool/module-app";
import type { ShippedFunction } from "#internal/serialization/function-source";

const shipped = (source: string, ...using: ShippedFunction[]): ShippedFunction => ({ name: "f", source, hash: "", file: "file:///f.js", mentions: [], using: using.map((fn, i) => ({ name: `u${i}`, fn })) });

test.each([
  ["(x) => x * 2", "nowhere"],
  ["(important) => important.requirement", "nowhere"],
  ["() => process.exit(1)", "node"],
  ["async () => (await import(\"node:fs/promises\")).readFile", "node"],
  ["async () => (await import('caraway/task')).task", "node"],
  ["async () => (await import(\"./x.js\")).y", "files"],
  ["async () => [await import(\"node:fs\"), await import(\"x\")]", "files"],
  ["async (name) => import(name)", "files"],
  ["() => require(\"./x.ts\")", "files"],
  ["() => (() => 1).constructor(\"return 2\")()", "files"],
] as const)("%s reaches %s", (source, reach) => {
  expect(reachOf(shipped(source))).toBe(reach);
});

test("a function reaches as far as those it uses, to any depth", () => {
  const far = shipped("() => import(\"./x.js\")");
  expect(reachOf(shipped("() => u0()", shipped("() => u0()", far)))).toBe("files");
  expect(reachOf(shipped("() => u0()", shipped("() => process.pid")))).toBe("node");
});
