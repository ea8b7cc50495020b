import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { file } from "#internal/data/file";
import { Command, commandFromWire, commandToWire, raw, renderCommand, sh, type ShellValue } from "#internal/dataflow/sh";

const bash = (command: Command | string) => execFileSync("/bin/bash", ["-c", String(command)], { encoding: "utf8", env: { ...process.env, NAME: "from the environment", A: "a" } });

test("what is typed is what bash reads, backslashes included", () => {
  expect(String(sh`printf "a\tb\n"`)).toBe('printf "a\\tb\\n"');
  expect(bash(sh`printf "a\tb\n"`)).toBe("a\tb\n");
  expect(bash(sh`echo \$NAME '\x41' $'\x41'`)).toBe("$NAME \\x41 A\n");
});

test("bash's own ${…} and backquotes are written with the backslash that JavaScript needs, which bash does not see", () => {
  expect(bash(sh`echo "\${NAME}" \`echo inner\``)).toBe("from the environment inner\n");
  expect(bash(sh`echo \\\${A}`)).toBe("\\a\n");
});

test.each([
  ["plain", "plain"], ["a/b-c_d.e,f:g@h%i+j", "a/b-c_d.e,f:g@h%i+j"], ["--size=3", "--size=3"], ["two words", "'two words'"], ["", "''"],
  ["it's", "'it'\\''s'"], ["$HOME", "'$HOME'"], ["*", "'*'"], ["~", "'~'"], ["a;b", "'a;b'"], ["a\nb", "'a\nb'"], ["ü", "'ü'"], ["A=1", "'A=1'"], ["if", "'if'"], ["!", "'!'"], ["{a,b}", "'{a,b}'"],
])("%j is quoted as %s", (value, expected) => {
  expect(String(sh`x ${value}`)).toBe(`x ${expected}`);
});

test("numbers and booleans are their text", () => {
  expect(String(sh`x ${1.5} ${-0} ${10n} ${true} ${false}`)).toBe("x 1.5 0 10 true false");
});

test("an array is its elements as words, nested ones too, and an empty one is nothing", () => {
  expect(String(sh`x ${["a b", 1, [file("/f g"), raw("$A")]]} ${[]}y`)).toBe("x 'a b' 1 '/f g' $A y");
});

test("a file stays a file until the command is rendered", () => {
  const command = sh`sort ${file("/in put")} > ${file("/out")}`;
  expect(command.parts.filter(({ kind }) => kind === "file")).toHaveLength(2);
  expect(renderCommand(command, ({ path }) => `/sandbox${path}`)).toBe("sort '/sandbox/in put' > /sandbox/out");
});

test("a command within a command is inserted with its files", () => {
  const count = sh`wc -l ${file("/a")}`;
  expect(renderCommand(sh`${count} | tee ${"b c"}`, () => "/x")).toBe("wc -l /x | tee 'b c'");
});

test("raw text is inserted as it is", () => {
  expect(bash(sh`echo ${raw("$A | tr a b")}`)).toBe("b\n");
});

test("a value next to a variable or a redirection stays a value", () => {
  expect(bash(sh`echo $A${"B"} $A${7}`)).toBe("aB a7\n");
  expect(bash(sh`echo ${2}>/dev/null; echo ok`)).toBe("ok\n");
  expect(bash(sh`echo ${"2"}<&0`)).toBe("2\n");
  expect(bash(sh`echo $$${"x"}`)).toMatch(/^\d+x\n$/);
});

test.each<[string, unknown, RegExp]>([
  ["undefined", undefined, /is undefined/], ["null", null, /is null/], ["NaN", Number.NaN, /is NaN/], ["Infinity", Infinity, /is Infinity/], ["an object", { a: 1 }, /an object \(Object\)/],
  ["a function", () => 1, /a function/], ["a symbol", Symbol("s"), /a symbol/], ["a promise", Promise.resolve(1), /a promise or future/], ["NUL", "a\0b", /NUL/], ["an array with a hole in it", ["a", undefined], /is undefined/],
])("%s is refused, by the number of the interpolation", (_, value, reason) => {
  const refused = () => sh`x ${"fine"} ${value as ShellValue}`;
  expect(refused).toThrow(expect.objectContaining({ name: "InvalidApp", code: "CW-APP-009", evidence: expect.objectContaining({ interpolation: 2 }) as unknown }));
  expect(refused).toThrow(/^Interpolation 2 /);
  expect(refused).toThrow(reason);
});

test("a value inside quotes, which would be quoted twice, is refused; a number or raw text there is not", () => {
  for (const refused of [() => sh`echo "hello ${"you"}"`, () => sh`echo 'hello ${"you"}'`, () => sh`echo $'a ${file("/f")}'`, () => sh`echo "$(date) ${["a"]}"`, () => sh`echo ${raw('"')}${"x"}"`]) {
    expect(refused).toThrow(/stands inside quotes/);
  }
  expect(bash(sh`echo "${1} ${raw("$A")}"`)).toBe("1 a\n");
});

test("a value that only looks as if it stood in quotes is taken", () => {
  expect(bash(sh`echo "$(echo ${"a  b"})" 'it'${"s x"} "\"" ${"y  z"} # don't
echo ${"w"} "\${A:-"it's"}" ${"v"}
cat <<END
it's ${"here"}
END`)).toBe("a  b its x \" y  z\nw a v\nit's here\n");
});

test("a value right after a dollar sign is refused, after an escaped one it is not", () => {
  expect(() => sh`echo $${"HOME"}`).toThrow(/right after a \$/);
  expect(bash(sh`echo \$${5}`)).toBe("$5\n");
});

test("a command cannot be changed", () => {
  const { parts } = sh`x ${1}`;
  expect(() => (parts as unknown[]).push("y")).toThrow(TypeError);
});

test("a command survives the way as plain data", () => {
  const command = sh`sort ${"a b"} ${file("/in put")} | ${raw("wc")} > ${file("/out")}`;
  const wire = commandToWire(command);
  expect(structuredClone(wire)).toEqual(["sort 'a b' ", { file: "file:///in%20put" }, " | wc > ", { file: "file:///out" }]);
  const back = commandFromWire(JSON.parse(JSON.stringify(wire)) as typeof wire);
  expect(back).toBeInstanceOf(Command);
  expect(renderCommand(back, ({ path }) => path)).toBe(String(command));
});
