import { expect, it } from "vitest";
import { nameAtCall, nameIn } from "#internal/dataflow/app-name";

it.each([
  ["const square = ", "square"],
  ["export const square = ", "square"],
  ["  let square =\n    ", "square"],
  ["const square: App<[x: number], number> = ", "square"],
  ["const square: (x: number) => AppFuture<number> = ", "square"],
  ["const square = caraway.", "square"],
  ["const größe = ", "größe"],
  ["const $ = ", "$"],
  ["{ cube: ", "cube"],
  ["{\n  \"half\": ", "half"],
  ["this.square = ", "square"],
  ["  static square = ", "square"],
  ["  #square = ", "square"],
])("the text %j before a call names its result %s", (before, name) => {
  expect(nameIn(before)).toBe(name);
});

it.each(["", "await ", "return ", "[", "f(", "x === ", "a <= ", "(0, ", "const { a } = "])("the text %j before a call names nothing", (before) => {
  expect(nameIn(before)).toBeUndefined();
});

it("a place whose file cannot be read is the name", () => {
  expect(nameAtCall({ file: "file:///no/such/flow.ts", line: 12, column: 3 }, "app")).toBe("app at flow.ts:12");
  expect(nameAtCall({ file: "[eval]", line: 1, column: 1 }, "bashApp")).toBe("bashApp at [eval]:1");
  expect(nameAtCall(undefined, "app")).toBe("app");
});
