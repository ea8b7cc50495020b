import type { AppDefinition } from "./app-definition.js";

/** Looks up one property of a result, beside the kernel. */
export const liftApp: AppDefinition = {
  key: 0,
  name: "get",
  kind: "lift",
  code: undefined,
  source: undefined,
  site: undefined,
  turn: 0,
  expected: -1,
  body(value, key) {
    if (value === null || value === undefined) throw new TypeError(`cannot get ${JSON.stringify(key)} of ${String(value)}`);
    const found = (value as Record<PropertyKey, unknown>)[key as PropertyKey];
    if (found === undefined && !(key as PropertyKey in Object(value))) throw new TypeError(`the result has no property ${JSON.stringify(key)}`);
    return found;
  },
};
