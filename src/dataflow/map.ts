import { InvalidOption } from "../errors/index.js";
import type { AppFuture } from "./future.js";
import type { Completions, Mapped } from "./types.js";

type Items = Iterable<unknown> | AsyncIterable<unknown>;
type Future = AppFuture<unknown, unknown>;

/** One call for each item, in order, beginning at once; at most `window` of them open at a time. */
export function mapOver(call: (item: unknown) => Future, items: Items, options: { readonly window?: number } = {}): Mapped<Future, unknown> {
  const { window = Infinity } = options;
  if (typeof window !== "number" || !(window >= 1)) throw new InvalidOption("CW-APP-011", `the window of map must be a number from 1 up, not ${String(window)}`, { hint: "Give how many calls may be open at a time." });
  if (items === null || items === undefined || !(Symbol.iterator in Object(items) || Symbol.asyncIterator in Object(items))) throw new InvalidOption("CW-APP-011", "map takes an iterable or async iterable of items", { hint: "Give an array, a generator or a stream." });
  const made: Future[] = [];
  const line = new Line();
  const all = callEach(call, items, window, made, line);
  all.catch(() => undefined);
  const atOnce = window === Infinity && Symbol.iterator in Object(items);
  return {
    [Symbol.iterator]: () => {
      if (!atOnce) throw new InvalidOption("CW-APP-011", "the futures of a map with a window, or over an async iterable, are not there at once", { hint: "Await it, or iterate its values by `for await`." });
      return made.values();
    },
    [Symbol.asyncIterator]: () => {
      let next = 0;
      return {
        async next(): Promise<IteratorResult<unknown>> {
          while (next >= made.length && !line.ended) await line.moved();
          if (next < made.length) return { value: await made[next++], done: false };
          await all;
          return { value: undefined, done: true };
        },
      };
    },
    then: (onValues, onError) => all.then(() => Promise.all(made)).then(onValues, onError),
  };
}

async function callEach(call: (item: unknown) => Future, items: Items, window: number, made: Future[], line: Line): Promise<void> {
  let open = 0;
  const room = new Line();
  const one = (item: unknown): void => {
    const future = call(item);
    made.push(future);
    line.move();
    if (window === Infinity) return;
    open++;
    void future.settled.then(() => {
      open--;
      room.move();
    });
  };
  const withRoom = async (item: unknown): Promise<void> => {
    while (open >= window) await room.moved();
    one(item);
  };
  try {
    // Items that are futures are arguments: a loop that awaits would take their values.
    if (!(Symbol.iterator in Object(items))) for await (const item of items) await withRoom(item);
    else if (window === Infinity) for (const item of items as Iterable<unknown>) one(item);
    else for (const item of items as Iterable<unknown>) await withRoom(item);
  } finally {
    line.end();
  }
}

/** Wakes who waits for the next step of something. */
class Line {
  ended = false;
  private waiting: (() => void)[] = [];

  moved(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  move(): void {
    for (const wake of this.waiting.splice(0)) wake();
  }

  end(): void {
    this.ended = true;
    this.move();
  }
}

/**
 * Gives futures out as they end, however they end.
 *
 * @example
 * for await (const future of asCompleted(futures)) console.log(future.id, future.state, future.value);
 */
export function asCompleted<F extends { readonly settled: Promise<unknown> }>(futures: Iterable<F>): Completions<F> {
  const ended: F[] = [];
  const line = new Line();
  let open = 0;
  const add = (future: F): void => {
    open++;
    void future.settled.then(() => {
      open--;
      ended.push(future);
      line.move();
    });
  };
  for (const future of futures) add(future);
  return {
    add,
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<F, undefined>> {
        while (ended.length === 0 && open > 0) await line.moved();
        const future = ended.shift();
        return future === undefined ? { value: undefined, done: true } : { value: future, done: false };
      },
    }),
  };
}
