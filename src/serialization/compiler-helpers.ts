/** What tsx and esbuild expect to find around the code they emit. */

/** esbuild's `keepNames`: gives a function or a class the name it has in the source. */
export function name<T extends object>(target: T, value: string): T {
  return Object.defineProperty(target, "name", { value, configurable: true });
}

type Disposal = [isAsync: boolean, dispose?: (this: unknown) => unknown, value?: unknown];

const methodOf = (value: object, key: "dispose" | "asyncDispose"): unknown => (value as Record<symbol, unknown>)[(Symbol as unknown as Partial<Record<string, symbol>>)[key] ?? Symbol.for(`Symbol.${key}`)];

/** A `using` or `await using` declaration, where the language has none. */
export function using<T>(stack: Disposal[], value: T, isAsync = false): T {
  if (value === null || value === undefined) {
    if (isAsync) stack.push([true]);
    return value;
  }
  if (typeof value !== "object" && typeof value !== "function") throw new TypeError("Object expected");
  const asynchronous = isAsync ? methodOf(value, "asyncDispose") : undefined;
  const dispose = asynchronous ?? methodOf(value, "dispose");
  if (typeof dispose !== "function") throw new TypeError("Object not disposable");
  stack.push([isAsync, dispose as (this: unknown) => unknown, value]);
  return value;
}

/** The end of the block of a `using` declaration: disposes in reverse; later errors take the earlier ones along. */
export function callDispose(stack: Disposal[], error: unknown, hasError: boolean | undefined): unknown {
  let failed = hasError === true;
  let failure = error;
  const fail = (problem: unknown): void => {
    failure = failed ? suppressed(problem, failure) : problem;
    failed = true;
  };
  const next = (): unknown => {
    for (let item = stack.pop(); item !== undefined; item = stack.pop()) {
      const [isAsync, dispose, value] = item;
      try {
        const result = dispose?.call(value);
        if (isAsync) return Promise.resolve(result).then(next, (problem: unknown) => (fail(problem), next()));
      } catch (problem) {
        fail(problem);
      }
    }
    if (failed) throw failure;
    return undefined;
  };
  return next();
}

function suppressed(error: unknown, earlier: unknown): Error {
  const together = new Error("An error was suppressed during disposal");
  return Object.assign(together, { name: "SuppressedError", error, suppressed: earlier });
}
