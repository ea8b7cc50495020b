import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { typescriptProject } from "#internal/actors/typescript";

const { execArgv } = process;
afterEach(() => {
  vi.unstubAllEnvs();
  process.execArgv = execArgv;
});

test("workers need a loader where tsx or vitest runs the program, and not elsewhere", () => {
  vi.stubEnv("VITEST", "");
  vi.stubEnv("NODE_OPTIONS", "");
  process.execArgv = ["--no-warnings"];
  expect(typescriptProject()).toBeUndefined();
  process.execArgv = ["--import", "file:///x/node_modules/tsx/dist/loader.mjs"];
  expect(typescriptProject()).toBe(process.argv[1]);
  process.execArgv = [];
  vi.stubEnv("NODE_OPTIONS", "--import tsx");
  expect(typescriptProject()).toBe(process.argv[1]);
  vi.stubEnv("VITEST", "true");
  expect(typescriptProject()).toBe(join(process.cwd(), "package.json"));
});
