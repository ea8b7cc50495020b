/** A copy of plain data that nobody can change, all the way down; options that are undefined are left out, as they are in JSON. */
export function deepFrozen<T extends object>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(copy));
  if (value === null || typeof value !== "object" || !isPlain(value)) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.freeze(Object.fromEntries(kept.map(([key, one]) => [key, copy(one)])));
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as unknown;
  return prototype === Object.prototype || prototype === null;
}
