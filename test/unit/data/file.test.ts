import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { DataFile, dataFileCodec, directory, file, glob, optional } from "#internal/data/file";

test("a local file has an absolute path, a URL and the parts of its name", () => {
  expect(file("some/words.sorted.txt")).toMatchObject({ scheme: "file", url: pathToFileURL(resolve("some/words.sorted.txt")).href, name: "words.sorted.txt", stem: "words.sorted", ext: ".txt" });
  expect(file("some/words.txt").path).toBe(resolve("some/words.txt"));
  expect(String(file("/a/b"))).toBe("/a/b");
});

test.each([["/a/.bashrc", ".bashrc", ""], ["/a/x.tar.gz", "x.tar", ".gz"], ["/a/no-extension", "no-extension", ""], ["/a/ends.", "ends", "."]])("the stem and extension of %s are %s and %s", (path, stem, ext) => {
  expect(file(path)).toMatchObject({ stem, ext });
});

test("a path stays what it was when the working directory changes later", () => {
  const before = file("x");
  const was = process.cwd();
  process.chdir("/");
  try {
    expect(before.path).toBe(resolve(was, "x"));
    expect(file("x").path).toBe("/x");
  } finally {
    process.chdir(was);
  }
});

test("file URLs are local, with their escapes undone", () => {
  expect(file("file:///a/b%20c.txt").path).toBe("/a/b c.txt");
  expect(file(new URL("file:///a/%C3%BC.txt")).path).toBe("/a/ü.txt");
  expect(file("/a/b%20c.txt").path).toBe("/a/b%20c.txt");
});

test("a remote file has a name, and its path is a clear not-yet", () => {
  const remote = file("https://host/data/reads%201.fastq.gz?version=2");
  expect(remote).toMatchObject({ scheme: "https", name: "reads 1.fastq.gz", stem: "reads 1.fastq", ext: ".gz" });
  expect(() => remote.path).toThrow(expect.objectContaining({ name: "NotYetSupported", code: "CW-CONF-002" }));
  expect(String(remote)).toBe("https://host/data/reads%201.fastq.gz?version=2");
});

test("files are equal when they name the same place", () => {
  expect(file("a.txt").equals(file(resolve("a.txt")))).toBe(true);
  expect(file("a.txt").equals(file(pathToFileURL(resolve("a.txt"))))).toBe(true);
  expect(file("a.txt").equals(file("b.txt"))).toBe(false);
  expect(file("a.txt").equals(resolve("a.txt"))).toBe(false);
});

test("a file cannot be changed", () => {
  expect(() => Object.assign(file("a"), { name: "b" })).toThrow(TypeError);
});

test("a file's JSON is its path or URL", () => {
  expect(JSON.stringify([file("/a"), file("s3://bucket/key")])).toBe('[{"scheme":"file","path":"/a"},{"scheme":"s3","url":"s3://bucket/key"}]');
});

test.each(["/plain", "/with blank & 100% ünïcode #?.txt", "/new\nline", "https://host/x?y=1"])("%j survives its codec", (given) => {
  const back = dataFileCodec.decode(dataFileCodec.encode(file(given)));
  expect(back).toBeInstanceOf(DataFile);
  expect(back.equals(file(given))).toBe(true);
  expect(String(back)).toBe(String(file(given)));
});

test.each(["", "a\0b", "file://other-host/x", "http://", 7 as unknown as string, undefined as unknown as string])("file(%j) is refused", (given) => {
  expect(() => file(given)).toThrow(expect.objectContaining({ name: "InvalidOption", code: "CW-APP-011" }));
});

test("glob, directory and optional say that they come later", () => {
  for (const later of [() => glob("*.txt"), () => directory("out"), () => optional("maybe.txt")]) expect(later).toThrow(expect.objectContaining({ name: "NotYetSupported" }));
});
