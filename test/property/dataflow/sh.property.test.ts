import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { asciiQuote } from "#internal/executors/shell/shell-code";
import { sh } from "#internal/dataflow/sh";

const text = fc.string({ unit: "binary", maxLength: 40 }).filter((value) => !value.includes("\0"));
const awkward = fc.string({ unit: fc.constantFrom("'", '"', "\\", "$", "`", " ", "\n", "!", "*", "~", "#", "a", "2", "=", ">", "ü", "\x01", "\x7f"), maxLength: 20 });
const words = fc.array(fc.oneof(text, awkward), { minLength: 1, maxLength: 60 });
const printed = (command: string) => execFileSync("/bin/bash", ["-c", command]).toString("utf8").split("\0").slice(0, -1);

test("bash reads every text back exactly as it was interpolated", () => {
  fc.assert(fc.property(words, (values) => {
    expect(printed(String(sh`printf '%s\0' ${values}`))).toEqual(values);
  }), { numRuns: 40 });
});

test("bash reads every text back exactly as a runner's code quotes it, which is ASCII", () => {
  fc.assert(fc.property(words, (values) => {
    const command = `printf '%s\\0' ${values.map(asciiQuote).join(" ")}`;
    expect(command).toMatch(/^[\t\n\x20-\x7e]*$/);
    expect(printed(command)).toEqual(values);
  }), { numRuns: 40 });
});
