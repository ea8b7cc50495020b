import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { discard, prepareDirectories, privatePath, publish } from "#internal/data/attempt-files";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "caraway-test-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a private path is hidden, beside the final one, and ends like it", () => {
  const hidden = privatePath("/data/out/x.tar.gz", 7, 2, "r1");
  expect(dirname(hidden)).toBe("/data/out");
  expect(basename(hidden)).toMatch(/^\..*x\.tar\.gz$/);
});

test("private paths differ by output, task, attempt and run", () => {
  const paths = [privatePath("/a/x.txt", 1, 0, "r"), privatePath("/a/y.txt", 1, 0, "r"), privatePath("/a/x.txt", 2, 0, "r"), privatePath("/a/x.txt", 1, 1, "r"), privatePath("/a/x.txt", 1, 0, "s")];
  expect(new Set(paths).size).toBe(paths.length);
});

test("a name that is already as long as a name can be still has a private one", () => {
  const name = `${"ü".repeat(123)}a.fasta`;
  const hidden = privatePath(join(directory, name), 123_456, 9, "0123456789abcdef");
  writeFileSync(join(directory, name), "");
  writeFileSync(hidden, "");
  expect(hidden).toMatch(/\.fasta$/);
  expect(hidden).not.toBe(privatePath(join(directory, name.replace("a.", "b.")), 123_456, 9, "0123456789abcdef"));
});

test("directories of outputs are made, once or however often", async () => {
  const finals = [join(directory, "a/b/x"), join(directory, "a/y"), join(directory, "a/b/z")];
  await prepareDirectories(finals);
  await prepareDirectories(finals);
  expect(readdirSync(join(directory, "a"))).toEqual(["b"]);
});

test("an output below something that is no directory is refused by its path", async () => {
  writeFileSync(join(directory, "file"), "");
  await expect(prepareDirectories([join(directory, "file/sub/x")])).rejects.toMatchObject({ code: "CW-APP-011", where: { file: join(directory, "file/sub") } });
});

test("publishing gives every output its final name and replaces what was there", async () => {
  const [x, y] = [join(directory, "x.txt"), join(directory, "y.txt")];
  const [hiddenX, hiddenY] = [privatePath(x, 1, 0, "r"), privatePath(y, 1, 0, "r")];
  writeFileSync(x, "old");
  writeFileSync(hiddenX, "new");
  writeFileSync(hiddenY, "y");
  await publish([[hiddenX, x], [hiddenY, y]]);
  expect(readdirSync(directory)).toEqual(["x.txt", "y.txt"]);
  expect(readFileSync(x, "utf8")).toBe("new");
});

test("when outputs are missing all are named, and none is published", async () => {
  const finals = ["a", "b", "c", "d"].map((name) => join(directory, name));
  const pairs = finals.map((final) => [privatePath(final, 1, 0, "r"), final] as const);
  writeFileSync(pairs[1]?.[0] ?? "", "b");
  symlinkSync(join(directory, "nowhere"), pairs[3]?.[0] ?? "");
  const missing = [finals[0], finals[2], finals[3]];
  await expect(publish(pairs)).rejects.toMatchObject({ name: "MissingOutputs", code: "CW-APP-003", evidence: { missing } });
  await expect(publish(pairs)).rejects.toThrow(String(missing[2]));
  expect(existsSync(finals[1] ?? "")).toBe(false);
});

test("a directory under an output's name is told, and nothing is published", async () => {
  const [x, y] = [join(directory, "x"), join(directory, "y")];
  mkdirSync(y);
  writeFileSync(privatePath(x, 1, 0, "r"), "");
  writeFileSync(privatePath(y, 1, 0, "r"), "");
  await expect(publish([[privatePath(x, 1, 0, "r"), x], [privatePath(y, 1, 0, "r"), y]])).rejects.toMatchObject({ name: "MissingOutputs", evidence: { directories: [y] } });
  expect(existsSync(x)).toBe(false);
});

test("discarding removes what exists, directories too, and minds nothing that does not", async () => {
  const [x, y] = [join(directory, ".x"), join(directory, ".y")];
  writeFileSync(x, "");
  mkdirSync(join(y, "sub"), { recursive: true });
  expect(await discard([x, y, join(directory, ".never-was")])).toEqual([]);
  expect(readdirSync(directory)).toEqual([]);
});

test.skipIf(process.getuid?.() === 0)("what cannot be removed is answered with the reason", async () => {
  const x = join(directory, "locked/.x");
  mkdirSync(dirname(x));
  writeFileSync(x, "");
  chmodSync(dirname(x), 0o500);
  expect(await discard([x])).toEqual([{ path: x, reason: expect.stringContaining("EACCES") as string }]);
  chmodSync(dirname(x), 0o700);
});

test("a path that cannot be is answered with the reason, and the others are removed all the same", async () => {
  const x = join(directory, ".x");
  writeFileSync(x, "");
  const impossible = join(x, "below", "a\0b");
  expect(await discard([impossible, x])).toMatchObject([{ path: impossible }]);
  expect(existsSync(x)).toBe(false);
});
