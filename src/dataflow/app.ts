import { type ErrorPlace, InvalidApp, NoDataFlowKernelError, NotYetSupported } from "../errors/index.js";
import { callSite, type CallSite, shipFunction } from "../serialization/function-source.js";
import type { AppDefinition, Body } from "./app-definition.js";
import { defaultKernel } from "./default-kernel.js";
import { Definition } from "./definition.js";
import { enclosing } from "./enclosing.js";
import type { AppFuture } from "./future.js";
import type { DataFlowKernel } from "./kernel.js";
import { mapOver } from "./map.js";
import { checkOptions, optionsOf, optionsPerCall } from "./option-check.js";
import type { Command } from "./sh.js";
import type { App, AppOptions, BashAppOptions, BashResult, FunctionAppOptions, JoinAppOptions, NoOutputs, Outputs, Resolved, Returns, Submitter, TaskFiles } from "./types.js";

const definitions = new WeakMap<object, AppDefinition>();

/** @internal What an app is. Throws `InvalidApp` for what is no app. */
export function definitionOf(app: unknown): AppDefinition {
  const definition = typeof app === "function" ? definitions.get(app) : undefined;
  if (definition === undefined) throw new InvalidApp("CW-APP-009", `${describe(app)} is no app`, { hint: "Make one with app(…), bashApp(…), joinApp(…) or appsFrom(…)." });
  return definition;
}

const describe = (value: unknown) => (typeof value === "function" ? `the function ${value.name || "(anonymous)"}` : value === null ? "null" : `a value of type ${typeof value}`);

type NoFiles = FunctionAppOptions<never> & { readonly outputs?: never; readonly inputs?: never };

/**
 * Makes an app of a function: each call becomes a task that runs on an executor, and answers with a future at once.
 * The function is shipped as source: what it uses from outside goes in as an argument or by `using`; imports go inside.
 *
 * @throws InvalidApp, OutsideVariable, InvalidOption
 * @example
 * const square = app((x: number) => x * x);
 * console.log(await square(7)); // 49
 */
export function app<F extends object>(fn: F, options?: NoFiles): F extends (...args: infer A) => infer R ? App<A, Awaited<R>> : never;
export function app<R, const O extends Outputs, A extends readonly unknown[] = []>(fn: (...args: [...A, TaskFiles<O>]) => R, options: FunctionAppOptions<O, A> & { readonly outputs: O | ((...args: A) => O) }): App<A, Awaited<R>, O>;
export function app<R, A extends readonly unknown[] = []>(fn: (...args: [...A, TaskFiles<NoOutputs>]) => R, options: FunctionAppOptions<never, A> & { readonly inputs: NonNullable<AppOptions["inputs"]> }): App<A, Awaited<R>>;
export function app(fn: unknown, options: FunctionAppOptions = {}): unknown {
  const site = callSite();
  checkOptions("app", options, optionsOf.function);
  if (typeof fn !== "function") throw new InvalidApp("CW-APP-009", `app() takes a function, not ${describe(fn)}`, place(site));
  const { using, ...rest } = options;
  const shipped = shipFunction(fn as Body, { file: site?.file ?? import.meta.url, ...(site === undefined ? {} : { line: site.line }), ...(using === undefined ? {} : { using }) });
  return callable(new Definition({ kind: "function", maker: "app", name: shipped.name, code: { kind: "function", shipped }, source: fn as Body, site }), rest);
}

/** Every exported function of a module as an app. The worker imports the module. */
export type AppsOf<M> = { readonly [K in keyof M as M[K] extends (...args: never[]) => unknown ? K : never]: M[K] extends (...args: infer A) => infer R ? App<A, Awaited<R>> : never };

/**
 * The exported functions of a module, as apps. Give the module's type for the names and types of them.
 *
 * @example
 * const stats = appsFrom<typeof import("./stats.js")>(new URL("./stats.js", import.meta.url));
 */
export function appsFrom<M>(url: URL | string, options: AppOptions = {}): AppsOf<M> {
  const site = callSite();
  checkOptions("appsFrom", options, optionsOf.module);
  const href = moduleUrl(url, site);
  const known = new Map<string, unknown>();
  return new Proxy(Object.freeze({}), {
    get(_, key) {
      if (typeof key !== "string" || key === "then") return undefined;
      let made = known.get(key);
      if (made === undefined) known.set(key, (made = callable(new Definition({ kind: "module", maker: "appsFrom", name: key, code: { kind: "module", url: href, name: key }, site }), options)));
      return made;
    },
  }) as AppsOf<M>;
}

type BashBody = Command | string | Promise<Command | string>;

function moduleUrl(url: unknown, site: CallSite | undefined): string {
  try {
    if (url instanceof URL) return url.href;
    if (typeof url === "string") return new URL(url, site?.file.startsWith("file:") === true ? site.file : `file://${site?.file ?? process.cwd() + "/"}`).href;
  } catch {
    // Told below, as for every other value.
  }
  throw new InvalidApp("CW-APP-009", `appsFrom() takes the URL of a module, not ${String(url)}`, { ...place(site), hint: "Give new URL(\"./module.js\", import.meta.url)." });
}

/**
 * Makes an app of a shell command. The function runs beside the kernel once the inputs are there, and returns sh`…` or a string.
 *
 * @example
 * const sort = bashApp((input: DataFile, { outputs }) => sh`sort ${input} > ${outputs.sorted}`, {
 *   outputs: (input: DataFile) => ({ sorted: file(`${input.stem}.sorted.txt`) }),
 * });
 */
export function bashApp<const O extends Outputs, A extends readonly unknown[] = [], V extends Returns = "exit">(fn: (...args: [...A, TaskFiles<O>]) => BashBody, options: BashAppOptions<O, A, V> & { readonly outputs: O | ((...args: A) => O) }): App<A, BashResult<V>, O>;
export function bashApp<A extends readonly unknown[], V extends Returns = "exit">(fn: (...args: A) => BashBody, options?: BashAppOptions<never, A, V> & { readonly outputs?: never; readonly inputs?: never }): App<A, BashResult<V>>;
export function bashApp<A extends readonly unknown[] = [], V extends Returns = "exit">(fn: (...args: [...A, TaskFiles<NoOutputs>]) => BashBody, options: BashAppOptions<never, A, V> & { readonly inputs: NonNullable<AppOptions["inputs"]> }): App<A, BashResult<V>>;
export function bashApp(fn: unknown, options: BashAppOptions = {}): unknown {
  return besideApp("bash", fn, options);
}

/**
 * Makes an app of a function that calls other apps: it runs beside the kernel and returns a future, or an array or record of futures;
 * the result is what those give. Its body runs once, and cancelling it cancels what the body submitted. An async body that returns
 * one future gives what that gives: JavaScript does not show it otherwise.
 *
 * @example
 * const fib = joinApp((n: number): AppFuture<number> => (n < 2 ? identity(n) : add(fib(n - 1), fib(n - 2))));
 */
export function joinApp<F extends object>(fn: F, options?: JoinAppOptions): F extends (...args: infer A) => infer R ? App<A, Resolved<Awaited<R>>> : never;
export function joinApp(fn: unknown, options: JoinAppOptions = {}): unknown {
  return besideApp("join", fn, options);
}

function besideApp(kind: "bash" | "join", fn: unknown, options: BashAppOptions): unknown {
  const site = callSite();
  checkOptions(`${kind}App`, options, optionsOf[kind]);
  if (typeof fn !== "function") throw new InvalidApp("CW-APP-009", `${kind}App() takes a function, not ${describe(fn)}`, place(site));
  return callable(new Definition({ kind, maker: `${kind}App`, name: fn.name, body: fn as Body, source: fn as Body, site }), options);
}

function callable(definition: AppDefinition, options: AppOptions, submitter?: Submitter): App<readonly unknown[], unknown, unknown> {
  const call = (...args: unknown[]): AppFuture<unknown, unknown> => {
    if (submitter !== undefined) return submitter.submit(self, args);
    return kernelFor(definition).table.submit(definition, args, options);
  };
  const self = Object.assign(call, {
    options,
    with(more: AppOptions) {
      checkOptions(definition.name, more, optionsPerCall[definition.kind]);
      return callable(definition, { ...options, ...more }, submitter);
    },
    on: (kernel: Submitter) => callable(definition, options, kernel),
    map(items: Iterable<unknown> | AsyncIterable<unknown>, mapOptions?: { readonly window?: number }) {
      if (submitter === undefined) kernelFor(definition);
      const around = enclosing.current;
      return mapOver((item) => (around === undefined ? call(item) : enclosing.run(around, () => call(item))), items, mapOptions);
    },
  }) as unknown as App<readonly unknown[], unknown, unknown>;
  Object.defineProperty(self, "name", { get: () => definition.name, configurable: true });
  definitions.set(self, definition);
  return self;
}

function kernelFor(definition: AppDefinition): DataFlowKernel {
  const kernel = enclosing.current?.kernel ?? defaultKernel();
  if (kernel !== undefined) return kernel;
  const { where } = place(callSite());
  throw new NoDataFlowKernelError("CW-CONF-003", `${definition.name} was called and no kernel is running`, { where: { ...where, app: definition.name } });
}

const place = (site: CallSite | undefined): { where?: ErrorPlace } => (site === undefined ? {} : { where: { callSite: `${site.file}:${site.line}:${site.column}` } });

const later = (what: string) => (): never => {
  throw new NotYetSupported("CW-CONF-002", `${what} is not built yet`);
};

/** The command of one rank of an MPI program. Not built yet. */
export const mpiApp: (...args: readonly unknown[]) => never = later("mpiApp");
/** A Python function as an app. Not built yet. */
export const pythonApp: (...args: readonly unknown[]) => never = later("pythonApp");

