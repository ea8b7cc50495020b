// Shapes of work, the same for every contender; each checks the answers it gets.

/** @typedef {import("./contenders.mjs").Pool} Pool */

/** @param {unknown} actual @param {unknown} expected */
function expectSame(actual, expected) {
  if (actual !== expected) throw new Error(`wrong answer: ${String(actual)} instead of ${String(expected)}`);
}

/** Submits all, then awaits all. @param {Pool} pool @param {number} count */
export async function flood(pool, count) {
  const answers = new Array(count);
  for (let i = 0; i < count; i++) answers[i] = pool.run("echo", i);
  const values = await Promise.all(answers);
  expectSame(values[count - 1], count - 1);
}

/** Keeps at most `window` calls pending. @param {Pool} pool @param {number} count @param {number} window */
export async function bounded(pool, count, window) {
  if (pool.ready === undefined) await lanes(count, window, (i) => pool.run("echo", i));
  else await admitted(pool, pool.ready, count);
}

/** @param {Pool} pool @param {() => PromiseLike<unknown>} ready @param {number} count */
async function admitted(pool, ready, count) {
  let answered = 0;
  /** @type {(value?: unknown) => void} */
  let finish = () => undefined;
  /** @type {(reason: unknown) => void} */
  let fail = () => undefined;
  const all = new Promise((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  const count1 = () => {
    answered += 1;
    if (answered === count) finish();
  };
  for (let i = 0; i < count; i++) {
    await ready();
    pool.run("echo", i).then(count1, fail);
  }
  await all;
}

/** Calls `run` for 0…count-1 with at most `width` in flight. @param {number} count @param {number} width @param {(i: number, lane: number) => PromiseLike<unknown>} run */
export async function lanes(count, width, run) {
  let next = 0;
  const work = async (/** @type {number} */ lane) => {
    while (next < count) await run(next++, lane);
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, (_, lane) => work(lane)));
}

/** One at a time; the microseconds each took. @param {Pool} pool @param {number} count */
export async function sequence(pool, count) {
  const microseconds = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await pool.run("echo", i);
    microseconds[i] = (performance.now() - start) * 1000;
  }
  return microseconds;
}

/** Each task takes the answer of the one before it. @param {Pool} pool @param {number} length */
export async function chain(pool, length) {
  /** @type {unknown} */
  let last = 0;
  if (pool.takesFutures) for (let i = 0; i < length; i++) last = pool.run("increment", last);
  else for (let i = 0; i < length; i++) last = await pool.run("increment", last);
  expectSame(await last, length);
}

/** One call over many answers. @param {Pool} pool @param {PromiseLike<unknown>[]} answers */
function join(pool, answers) {
  return pool.takesFutures ? pool.run("sum", answers) : Promise.all(answers).then((values) => pool.run("sum", values));
}

/** A map and its sum in groups of `width` until one is left; returns how many tasks it was. @param {Pool} pool @param {number} leaves @param {number} width */
export async function tree(pool, leaves, width) {
  let level = Array.from({ length: leaves }, (_, i) => pool.run("echo", i));
  let tasks = leaves;
  while (level.length > 1) {
    const groups = Array.from({ length: Math.ceil(level.length / width) }, (_, g) => level.slice(g * width, (g + 1) * width));
    level = groups.map((group) => join(pool, group));
    tasks += level.length;
  }
  expectSame(await level[0], (leaves * (leaves - 1)) / 2);
  return tasks;
}
