/** What needs no schema to be seen to be right: everything else goes to the schema, which takes some 40 ms to load. */
const positive = (value: unknown) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 64;
const count = (value: unknown) => Number.isInteger(value) && (value as number) >= 0;
const flag = (value: unknown) => typeof value === "boolean";
const text = (value: unknown) => typeof value === "string" && value !== "";

type Tests = Readonly<Record<string, (value: unknown) => boolean>>;

const pool: Tests = { kind: (value) => value === "thread-pool", label: text, maxThreads: positive, isolation: (value) => value === "thread" || value === "process" };

const provider: Tests = { role: (value) => value === "provider", kind: (value) => value === "local" };

const managed: Tests = { kind: (value) => value === "high-throughput", label: text, maxWorkersPerNode: positive, provider: (value) => passes(value, provider) && Object.keys(value as object).length === 2 };

const isPlain = (value: unknown): boolean => (passes(value, pool) || (passes(value, managed) && Object.keys(value as object).includes("provider"))) && (value as { kind?: unknown }).kind !== undefined;

const settings: Tests = {
  executors: (value) => Array.isArray(value) && value.length === 1 && isPlain(value[0]),
  retries: count,
  cache: flag,
  progress: flag,
  retain: count,
  maxPending: positive,
};

function passes(value: unknown, tests: Tests): boolean {
  if (value === null || typeof value !== "object" || Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.entries(value).every(([key, one]) => tests[key]?.(one) === true);
}

/** Whether a configuration is so plain that the schema would surely accept it without a remark. */
export function plainlyValid(config: unknown): boolean {
  return passes(config, settings);
}
