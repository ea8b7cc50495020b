import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { app, bashApp, type DataFile, file, raw, sh } from "#internal/index";
import { rejection, sharedKernel } from "./shared-kernel.js";

const shared = sharedKernel();
const identity = app((x: string) => x);

describe("a bash app", () => {
  it("gives 0 where its command ends well", async () => {
    const fine = bashApp(() => sh`true`);
    expect(await fine()).toBe(0);
  });

  it("may give its output as text, lines or JSON", async () => {
    const text = bashApp(() => sh`printf 'a\nb\n'`, { returns: "stdout" });
    const lines = bashApp(() => sh`printf 'a\nb\n'`, { returns: "lines" });
    const json = bashApp(() => sh`printf '{"a": [1, 2]}'`, { returns: "json" });
    const none = bashApp(() => sh`true`, { returns: "lines" });
    expect(await text()).toBe("a\nb\n");
    expect(await lines()).toEqual(["a", "b"]);
    expect(await json()).toEqual({ a: [1, 2] });
    expect(await none()).toEqual([]);
  });

  it("whose output is no JSON fails, showing the output", async () => {
    const broken = bashApp(() => sh`echo not json`, { returns: "json" });
    expect(await rejection(broken())).toMatchObject({ name: "BadCommandOutput", code: "CW-APP-012", evidence: { stdout: "not json\n" } });
  });

  it("gives more output than a pipe holds", async () => {
    const large = bashApp(() => sh`head -c 300000 /dev/zero | tr '\0' x`, { returns: "stdout" });
    expect(await large()).toHaveLength(300_000);
  });

  it("may return a plain text as its command", async () => {
    const plain = bashApp((word: string) => `echo "$((1 + 2)) ${word}"`, { returns: "stdout" });
    expect(await plain("words")).toBe("3 words\n");
  });

  it("may have an async body, and one that uses what is around it", async () => {
    const around = { word: "closure" };
    const later = bashApp(async () => {
      await Promise.resolve();
      return sh`echo ${around.word}`;
    }, { returns: "stdout" });
    expect(await later()).toBe("closure\n");
  });

  it("runs several commands, one after the other", async () => {
    const several = bashApp((name: string) => sh`
      echo first
      for i in 1 2; do echo "loop $i"; done
      echo ${name}
    `, { returns: "lines" });
    expect(await several("last")).toEqual(["first", "loop 1", "loop 2", "last"]);
  });

  it("has parameters that may be named like options, and defaults", async () => {
    const named = bashApp((stdout: string = "a", env: string = "b") => sh`echo ${stdout} ${env}`, { returns: "stdout" });
    expect(await named()).toBe("a b\n");
    expect(await named("x", "y")).toBe("x y\n");
  });

  it("waits for futures in its arguments", async () => {
    const echo = bashApp((word: string, more: { list: string[] }) => sh`echo ${word} ${more.list}`, { returns: "stdout" });
    expect(await echo(identity("one"), { list: [identity("two"), "three"] })).toBe("one two three\n");
  });

  it("runs in the directory and environment that are asked for", async () => {
    const here = bashApp(() => sh`pwd; echo "$CARAWAY_TEST"`, { returns: "lines", cwd: shared.directory, env: { CARAWAY_TEST: "set" } });
    expect(await here()).toEqual([shared.directory, "set"]);
  });
});

describe("values in a command", () => {
  const args = bashApp((...words: string[]) => sh`printf '<%s>' ${words}`, { returns: "stdout" });

  it("are single words, whatever is in them", async () => {
    const nasty = ["two words", "quote's", "\"double\"", "$HOME", "`date`", "a;b|c&d", "*", "new\nline", "-n", "", "ünï"];
    expect(await args(...nasty)).toBe(nasty.map((word) => `<${word}>`).join(""));
  });

  it("that are arrays are their elements, and an empty one is nothing", async () => {
    const flags = bashApp((list: (string | number)[]) => sh`echo start ${list} end`, { returns: "stdout" });
    expect(await flags(["-a", 1])).toBe("start -a 1 end\n");
    expect(await flags([])).toBe("start end\n");
  });

  it("that are files are their paths, quoted", async () => {
    const path = shared.path("a file's name.txt");
    await writeFile(path, "inside");
    const cat = bashApp((input: DataFile) => sh`cat ${input}`, { returns: "stdout" });
    expect(await cat(file(path))).toBe("inside");
  });

  it("that are raw are as they stand, and commands go into commands", async () => {
    const pipe = bashApp(() => sh`${sh`printf 'b\na\n'`} ${raw("| sort")}`, { returns: "lines" });
    expect(await pipe()).toEqual(["a", "b"]);
  });

  it("that are nothing for a shell fail the task, naming the place", async () => {
    const wrong = bashApp((value: unknown) => sh`echo ${value as string}`);
    expect(await rejection(wrong({ no: "text" }))).toMatchObject({ name: "InvalidApp", message: expect.stringContaining("Interpolation 1") });
  });
});

describe("a command that fails", () => {
  it("is BashExitFailure with its code and the last lines of stderr", async () => {
    const fails = bashApp(function fails() {
      return sh`echo lost; echo one >&2; echo two >&2; exit 7`;
    });
    const future = fails();
    const error = await rejection(future);
    expect(error).toMatchObject({ name: "BashExitFailure", code: "CW-APP-001", where: { task: future.id, app: "fails", attempt: 1 }, evidence: { exitCode: 7, signal: null } });
    expect((error["evidence"] as { stderr: string }).stderr).toBe("one\ntwo\n");
    expect(error.message).toContain("two");
  });

  it("by a signal says which", async () => {
    const killed = bashApp(() => sh`kill -TERM $$`);
    expect(await rejection(killed())).toMatchObject({ name: "BashExitFailure", evidence: { signal: "SIGTERM" } });
  });

  it("keeps the tail of a stderr that goes to a file, too", async () => {
    const fails = bashApp(() => sh`echo to the file >&2; exit 1`, { stderr: shared.path("tail.err") });
    expect(((await rejection(fails()))["evidence"] as { stderr: string }).stderr).toContain("to the file");
  });

  it("in strict mode fails at the first error, in a pipe and by an unset variable", async () => {
    const marker = bashApp((command: string) => sh`${raw(command)}; echo went on`, { returns: "stdout" });
    for (const command of ["false", "false | true", "echo $CARAWAY_NOT_SET"]) expect((await rejection(marker(command))).name).toBe("BashExitFailure");
    const lenient = marker.with({ strict: false } as never);
    for (const command of ["false", "false | true", "true $CARAWAY_NOT_SET"]) expect(await lenient(command)).toBe("went on\n");
  });

  it("that bash does not know is exit code 127", async () => {
    const unknown = bashApp(() => sh`no-such-command-anywhere`);
    expect(await rejection(unknown())).toMatchObject({ evidence: { exitCode: 127 } });
  });

  it("leaves the others working", async () => {
    const fails = bashApp(() => sh`exit 1`);
    const works = bashApp(() => sh`echo works`, { returns: "stdout" });
    const all = await Promise.allSettled([fails(), works(), fails(), works()]);
    expect(all.map((one) => one.status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
  });
});

describe("a body that gives no command", () => {
  it.each([["nothing", undefined], ["an empty text", "  "], ["a number", 3], ["null", null]])("but %s is BashAppNoReturn", async (_, value) => {
    const wrong = bashApp(function wrong() {
      return value as never;
    });
    const future = wrong();
    expect(await rejection(future)).toMatchObject({ name: "BashAppNoReturn", code: "CW-APP-004", where: { task: future.id, app: "wrong" } });
  });

  it("but throws fails with what it threw, and where", async () => {
    const throwing = bashApp((): string => {
      throw new RangeError("the body");
    });
    const future = throwing();
    expect(await rejection(future)).toMatchObject({ name: "RangeError", message: "the body", where: { task: future.id } });
    const rejecting = bashApp(async (): Promise<string> => Promise.reject(new RangeError("later")));
    expect(await rejection(rejecting())).toMatchObject({ message: "later" });
  });

  it("but throws what is no error is ForeignThrow", async () => {
    const throwing = bashApp((): string => {
      throw "just text";
    });
    expect(await rejection(throwing())).toMatchObject({ name: "ForeignThrow", code: "CW-APP-013", cause: "just text" });
  });
});
