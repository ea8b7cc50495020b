import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Keys, Line, Names, Table } from "#internal/state-machines/persistent";

const keys = fc.oneof(fc.nat(40), fc.nat(2000), fc.nat(2 ** 40));
const changes = fc.array(fc.tuple(keys, fc.boolean()), { maxLength: 200 });
const names = fc.oneof(fc.constantFrom("a", "b", "clerk-1", "clerk-2"), fc.string({ maxLength: 3 }));

describe("what charts keep in their contexts", () => {
  test("a table is a map in the order of its keys, and one that was changed is as it was before", () => {
    fc.assert(
      fc.property(changes, (all) => {
        let table: Table<number> = Table.empty;
        const model = new Map<number, number>();
        const inOrder = (): number[] => [...model].sort(([a], [b]) => a - b).map(([, value]) => value);
        let before = { table, values: inOrder() };
        for (const [i, [key, adds]] of all.entries()) {
          if (i % 20 === 0) before = { table, values: inOrder() };
          table = adds ? table.with(key, i) : table.without(key);
          if (adds) model.set(key, i);
          else model.delete(key);
          expect([table.get(key), table.size]).toEqual([model.get(key), model.size]);
        }
        expect([...table]).toEqual(inOrder());
        expect([...before.table]).toEqual(before.values);
      }),
    );
  });

  test("keys are a set that only loses", () => {
    fc.assert(
      fc.property(fc.uniqueArray(keys, { maxLength: 20 }), fc.array(keys), (all, others) => {
        let known = Keys.of(all);
        const model = new Set(all);
        for (const key of [...others, ...all]) {
          known = known.without(key);
          model.delete(key);
          expect(known.size).toBe(model.size);
          for (const one of [...all, ...others]) expect(known.has(one)).toBe(model.has(one));
        }
      }),
    );
  });

  test("names are a map, also where their hashes are the same", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.boolean()), { maxLength: 100 }), (all) => {
        let known = Names.empty;
        const model = new Map<string, number>();
        for (const [i, [name, adds]] of all.entries()) {
          known = adds ? known.with(name, i) : known.without(name);
          if (adds) model.set(name, i);
          else model.delete(name);
        }
        for (const [name] of all) expect(known.get(name)).toBe(model.get(name));
      }),
    );
  });

  test("a line gives what came first, first", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.array(fc.option(fc.integer())), (start, acts) => {
        let line = Line.of(start);
        const model = [...start];
        for (const act of acts) {
          if (act === null) {
            expect(line.first).toBe(model.shift());
            line = line.rest();
          } else {
            line = line.with(act);
            model.push(act);
          }
          expect([line.size, ...line]).toEqual([model.length, ...model]);
        }
      }),
    );
  });
});
