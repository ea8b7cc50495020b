import { chmod, link, mkdir, mkdtemp, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KeyRefused } from "#internal/errors/index";
import { KeyStore, type SecretKey } from "#internal/actors/links/keys";

let root = "";
let directory = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "caraway-keys-"));
  directory = join(root, "keys");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

const refusal = async (act: Promise<unknown>): Promise<KeyRefused> => {
  const error: unknown = await act.then(
    () => "nothing was refused",
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(KeyRefused);
  expect((error as KeyRefused).code).toBe("CW-LINK-004");
  return error as KeyRefused;
};
const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
/** Every form a secret is likely to be written in. */
const formsOf = (key: SecretKey): string[] => {
  const bytes = key.reveal();
  return [bytes.toString("hex").slice(0, 16), bytes.toString("base64").slice(0, 12), bytes.toString("latin1").slice(0, 8), [...bytes.subarray(0, 6)].join(", "), [...bytes.subarray(0, 6)].join(","), bytes.toString("hex").slice(0, 12).replaceAll(/(..)(?=.)/g, "$1 ")];
};

describe("a key store", () => {
  it("makes a directory 0700 with a file 0600 for each identity, whatever the umask", async () => {
    const before = process.umask(0);
    try {
      const store = await KeyStore.open(directory);
      const { path } = await store.create("block-1");
      expect([await modeOf(directory), await modeOf(path)]).toEqual(["700", "600"]);
      expect((await stat(path)).size).toBe(32);
    } finally {
      process.umask(before);
    }
  });

  it("gives every identity a key of its own, and the same to who loads it and who opens the store again", async () => {
    const store = await KeyStore.open(directory);
    const [one, two] = [await store.create("block-1"), await store.create("block-2")];
    expect(one.key.reveal().equals(two.key.reveal())).toBe(false);
    const loaded = await KeyStore.load(one.path);
    expect([loaded.identity, loaded.reveal().equals(one.key.reveal())]).toEqual(["block-1", true]);
    const again = await KeyStore.open(directory);
    expect([...again.identities].sort()).toEqual(["block-1", "block-2"]);
    expect(again.find("block-2")?.reveal().equals(two.key.reveal())).toBe(true);
  });

  it("never overwrites a key", async () => {
    const store = await KeyStore.open(directory);
    const { key } = await store.create("block-1");
    expect((await refusal(store.create("block-1"))).evidence["reason"]).toBe("exists");
    expect((await KeyStore.load(store.pathOf("block-1"))).reveal().equals(key.reveal())).toBe(true);
  });

  it("forgets what is revoked, on disk and in memory", async () => {
    const store = await KeyStore.open(directory);
    const { key, path } = await store.create("block-1");
    const secret = key.reveal();
    await store.revoke("block-1");
    expect(store.find("block-1")).toBeUndefined();
    expect(key.reveal().equals(secret)).toBe(false);
    expect((await refusal(KeyStore.load(path))).evidence["reason"]).toBe("missing");
    await store.revoke("block-1");
    await store.revoke("../../etc/passwd");
  });

  it.each(["", "..", "../x", "a/b", ".hidden", "x".repeat(65), "new\nline", "ü"])("takes no identity that is no plain name: %j", async (identity) => {
    const store = await KeyStore.open(directory);
    expect((await refusal(store.create(identity))).evidence["reason"]).toBe("bad-identity");
  });
});

describe("a key is refused", () => {
  let path = "";
  beforeEach(async () => {
    ({ path } = await (await KeyStore.open(directory)).create("block-1"));
  });

  it.each([0o640, 0o604, 0o660, 0o700, 0o644])("whose file has permissions %o", async (mode) => {
    await chmod(path, mode);
    const error = await refusal(KeyStore.load(path));
    expect(error.message).toContain(`0${mode.toString(8)}`);
    expect(error.hint).toContain(`chmod 600 ${path}`);
    await refusal(KeyStore.open(directory));
  });

  it.each([0o750, 0o705, 0o777])("whose directory has permissions %o", async (mode) => {
    await chmod(directory, mode);
    const error = await refusal(KeyStore.load(path));
    expect(error.hint).toContain(`chmod 700 ${directory}`);
    await refusal(KeyStore.open(directory));
  });

  it("that belongs to someone else", async () => {
    const { uid } = await stat(path);
    vi.spyOn(process as { getuid: () => number }, "getuid").mockReturnValue(uid + 1);
    const error = await refusal(KeyStore.load(path));
    expect(error.evidence).toMatchObject({ reason: "wrong-owner", owner: uid, user: uid + 1 });
  });

  it("that is a symbolic link, or lies in one", async () => {
    const other = join(directory, "other.key");
    await symlink(path, other);
    expect((await refusal(KeyStore.load(other))).evidence["reason"]).toBe("symbolic-link");
    await symlink(directory, join(root, "linked"));
    expect((await refusal(KeyStore.load(join(root, "linked", "block-1.key")))).evidence["reason"]).toBe("symbolic-link");
    expect((await refusal(KeyStore.open(join(root, "linked")))).evidence["reason"]).toBe("symbolic-link");
  });

  it.each([0, 31])("that has %i bytes", async (size) => {
    await truncate(path, size);
    expect((await refusal(KeyStore.load(path))).evidence["reason"]).toBe("wrong-size");
  });

  it("that has more bytes than a key", async () => {
    await writeFile(path, Buffer.alloc(33));
    expect((await refusal(KeyStore.load(path))).evidence["reason"]).toBe("wrong-size");
  });

  it("that is a directory or a pipe, without waiting for it", async () => {
    await mkdir(join(directory, "folder.key"), { mode: 0o700 });
    expect((await refusal(KeyStore.load(join(directory, "folder.key")))).evidence["reason"]).toBe("wrong-kind");
    execFileSync("mkfifo", ["-m", "600", join(directory, "pipe.key")]);
    expect((await refusal(KeyStore.load(join(directory, "pipe.key")))).evidence["reason"]).toBe("wrong-kind");
  });

  it("that is named for nobody", async () => {
    await link(path, join(directory, "block-1.txt"));
    expect((await refusal(KeyStore.load(join(directory, "block-1.txt")))).evidence["reason"]).toBe("bad-identity");
  });
});

describe("a secret", () => {
  it("shows itself in nothing that prints", async () => {
    const store = await KeyStore.open(directory);
    const { key } = await store.create("block-1");
    const carriers: unknown[] = [key, { key }, [key], new Map([["key", key]]), store, new Error("with a cause", { cause: key }), await refusal(store.create("block-1"))];
    for (const carrier of carriers) {
      const shown = [inspect(carrier, { depth: 10, showHidden: true }), inspect(carrier, { customInspect: false, depth: 10, showHidden: true }), String(carrier), JSON.stringify(carrier), inspect(structuredClone({ ...(key as object) }))].join("\n");
      for (const form of formsOf(key)) expect(shown).not.toContain(form);
    }
    expect(inspect({ key })).toBe("{ key: [key of block-1] }");
  });
});
