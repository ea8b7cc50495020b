/** A copy of plain data (objects, arrays, maps and sets in any depth) in which `replace` took the place of what it has an answer to. */
export function mapRefs(value: unknown, replace: (found: object) => unknown): unknown {
  const made = new Map<object, unknown>();
  const copy = (one: unknown): unknown => {
    if (typeof one !== "object" || one === null) return one;
    if (made.has(one)) return made.get(one);
    const replaced = replace(one);
    if (replaced !== undefined) return replaced;
    if (Array.isArray(one)) {
      const list: unknown[] = [];
      made.set(one, list);
      for (const inside of one as unknown[]) list.push(copy(inside));
      return list;
    }
    if (one instanceof Map) {
      const map = new Map<unknown, unknown>();
      made.set(one, map);
      for (const [key, inside] of one as Map<unknown, unknown>) map.set(copy(key), copy(inside));
      return map;
    }
    if (one instanceof Set) {
      const set = new Set<unknown>();
      made.set(one, set);
      for (const inside of one as Set<unknown>) set.add(copy(inside));
      return set;
    }
    const prototype: unknown = Object.getPrototypeOf(one);
    if (prototype !== Object.prototype && prototype !== null) return one;
    const record: Record<string, unknown> = {};
    made.set(one, record);
    for (const [key, inside] of Object.entries(one)) Object.defineProperty(record, key, { value: copy(inside), enumerable: true, configurable: true, writable: true });
    return record;
  };
  return copy(value);
}
