import { mkdirSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { app, appsFrom, bashApp, CarawayError, catalogue, clear, type DataFlowKernel, dfk, joinApp, load, mpiApp, pythonApp } from "#internal/index";
import { rejection, sharedKernel, thrown } from "./shared-kernel.js";
import { testExecutor } from "./test-executor.js";

const shared = sharedKernel({ executors: [testExecutor({ maxThreads: 1, label: "threads" })] });
const identity = app((x: unknown) => x);

afterEach(async () => {
  expect(await identity("nothing else is lost")).toBe("nothing else is lost");
  expect(shared.kernel.health()).toMatchObject({ healthy: true, open: 0, crashed: 0 });
});

/** Every error says what it is, where, on which evidence, and what to do about it. */
function complete(error: unknown, code: string, place: Record<string, unknown> = {}): void {
  expect(error).toBeInstanceOf(CarawayError);
  const own = error as CarawayError;
  expect(own.code).toBe(code);
  expect(own.name).toBe(catalogue[own.code].name);
  expect(own.message.length).toBeGreaterThan(10);
  expect(own.hint.length).toBeGreaterThan(10);
  expect(own.where).toMatchObject(place);
  expect(CarawayError.fromJSON(JSON.parse(JSON.stringify(own)) as never)).toMatchObject({ name: own.name, code: own.code, message: own.message });
}

const outside = 3;
const hereIn = { callSite: expect.stringMatching(/bad-input\.test\.ts:\d+:\d+$/) as unknown };

describe("what cannot be an app, told where it is defined", () => {
  it("a function that uses an outside variable: which one, at which line, and the ways out", () => {
    const error = thrown(() => app((x: number) => x + outside));
    complete(error, "CW-APP-010", { file: expect.stringContaining("bad-input.test.ts") });
    expect(error.message).toContain("`outside`");
    expect(error["evidence"]).toMatchObject({ variables: [{ name: "outside", line: expect.any(Number) }] });
    expect(error["hint"]).toMatch(/argument.*using.*appsFrom/);
  });

  it("what is no function", () => {
    for (const wrong of [3, "x", null, undefined, {}]) complete(thrown(() => app(wrong as never)), "CW-APP-009", hereIn);
    complete(thrown(() => bashApp("echo" as never)), "CW-APP-009", hereIn);
    complete(thrown(() => joinApp(null as never)), "CW-APP-009", hereIn);
  });

  it("generators, classes, bound and native functions, and those that use `this` or `super`", () => {
    const wrong: readonly unknown[] = [
      function* generator() { yield 1; },
      class Some { readonly field = 1; },
      (function bound() { return 1; }).bind(null),
      Math.max,
      function usesThis(this: unknown) { return this; },
      { method() { return String(super.toString); } }.method,
    ];
    for (const one of wrong) complete(thrown(() => app(one as never)), "CW-APP-009");
  });

  it("a module that is no URL", () => {
    complete(thrown(() => appsFrom(3 as never)), "CW-APP-009", hereIn);
  });

  it("what is not built yet", () => {
    complete(thrown(() => mpiApp()), "CW-CONF-002");
    complete(thrown(() => pythonApp("module:function")), "CW-CONF-002");
  });
});

describe("what cannot be an option, told at the definition and at the call", () => {
  it("an unknown one, with what was probably meant", () => {
    for (const make of [() => app(() => 1, { retires: 1 } as never), () => bashApp(() => "x", { retires: 1 } as never), () => identity.with({ retires: 1 } as never), () => appsFrom("file:///x.mjs", { retires: 1 } as never)]) {
      const error = thrown(make);
      complete(error, "CW-APP-011");
      expect(error["hint"]).toContain('"retries"');
    }
    expect(thrown(() => joinApp(() => [], { cahce: true } as never))["hint"]).toContain('"cache"');
  });

  it.each([
    ["executors", 3], ["inputs", "x"], ["outputs", 3], ["stdout", 3], ["stderr", { path: "x" }], ["walltime", -1], ["walltime", "soon"], ["retries", -1], ["retries", "many"], ["cache", "yes"],
    ["cacheIgnore", "x"], ["priority", Number.NaN], ["resources", 3], ["label", 3], ["signal", {}], ["env", { A: 1 }], ["cwd", 3],
  ])("a wrong value of %s", (option, value) => {
    const error = thrown(() => identity.with({ [option]: value } as never));
    complete(error, "CW-APP-011");
    expect(error.message).toContain(`"${option}"`);
    expect(error["evidence"]).toMatchObject({ option });
    expect(error["where"]).toMatchObject(hereIn);
  });

  it("a wrong value of what only bash apps and function apps have", () => {
    complete(thrown(() => bashApp(() => "x", { returns: "text" as never })), "CW-APP-011");
    complete(thrown(() => bashApp(() => "x", { strict: 1 as never })), "CW-APP-011");
    complete(thrown(() => app(() => 1, { using: 3 as never })), "CW-APP-011");
  });

  it("an option of another kind of app", () => {
    complete(thrown(() => app(() => 1, { strict: true } as never)), "CW-APP-011");
    complete(thrown(() => bashApp(() => "x", { using: {} } as never)), "CW-APP-011");
    complete(thrown(() => joinApp(() => [], { returns: "json" } as never)), "CW-APP-011");
    complete(thrown(() => joinApp(() => [], { executors: "threads" } as never)), "CW-APP-011");
    complete(thrown(() => joinApp(() => []).with({ walltime: "1s" })), "CW-APP-011");
    expect(thrown(() => identity.with({ using: {} } as never))["hint"]).toContain("where the app is defined");
    complete(thrown(() => shared.kernel.submit(identity, [1], { retires: 1 } as never)), "CW-APP-011");
  });

  it.each(["workdir", "environment", "schema"])("%s, which is not built yet", (option) => {
    const error = thrown(() => identity.with({ [option]: "x" } as never));
    complete(error, "CW-CONF-002");
    expect(error.message).toContain(option);
  });

  it("options that are no object", () => {
    for (const wrong of [null, 3, "x", []]) complete(thrown(() => app(() => 1, wrong as never)), "CW-APP-011");
  });

  it("a cost of retries that is no function, inside the option", () => {
    for (const retries of [{ app: "x" }, { lost: -1 }, { cost: 3 }, { backoff: "soon" }, { backoff: { min: "1s" } }, { apps: 3 }]) complete(thrown(() => identity.with({ retries } as never)), "CW-APP-011");
  });
});

describe("what a kernel does not have, told by the future", () => {
  it("an executor of that label, with those there are", async () => {
    const future = identity.with({ executors: "thraeds" })(1);
    const error = await rejection(future);
    complete(error, "CW-EXEC-004", { task: future.id, app: "identity" });
    expect(error.message).toContain('"threads"');
    expect(error["hint"]).toContain('"threads"');
    complete(await rejection(identity.with({ executors: () => false })(1)), "CW-EXEC-004");
  });

  it("resources", async () => {
    const future = identity.with({ resources: { gpus: 1, cores: 4 } })(1);
    const error = await rejection(future);
    complete(error, "CW-EXEC-003", { task: future.id, executor: "threads" });
    expect(error.message).toMatch(/gpus: 1/);
    expect(error["evidence"]).toEqual({ resources: { gpus: 1, cores: 4 } });
    expect(await identity.with({ resources: { cores: 1 } })(1)).toBe(1);
    expect(await identity.with({ resources: ({ attempt }) => ({ cores: attempt }) })(1)).toBe(1);
    complete(await rejection(identity.with({ resources: { gpu: 1 } as never })(1)), "CW-EXEC-003");
  });

  it("a directory of their own for function apps on threads", async () => {
    const error = await rejection(identity.with({ cwd: "/tmp" })(1));
    complete(error, "CW-EXEC-005", { executor: "threads" });
    expect(error["hint"]).toContain("process");
  });

  it("functions of options that throw: what they threw, and the task is no fault of the kernel", async () => {
    const mine = new Error("mine");
    const throws = () => {
      throw mine;
    };
    expect(await rejection(identity.with({ executors: throws })(1))).toBe(mine);
    expect(await rejection(identity.with({ resources: throws })(1))).toBe(mine);
  });
});

describe("arguments and results that cannot travel", () => {
  class Own {
    readonly secret = 1;
  }
  it.each([
    ["a function", () => 1],
    ["a class instance without a codec", new Own()],
    ["a symbol", Symbol("s")],
    ["shared memory", new SharedArrayBuffer(8)],
    ["a weak map", new WeakMap()],
    ["what throws when it is read", { get bad() { throw new Error("unreadable"); } }],
  ])("%s as an argument: told by its path", async (_, value) => {
    const future = identity(value);
    complete(await rejection(future), "CW-DATA-001", { task: future.id, app: "identity" });
    const nested = identity({ list: [1, { deep: value }] });
    const error = await rejection(nested);
    complete(error, "CW-DATA-001");
    expect(error.message).toMatch(/argument 1 of identity.*list\[1\]\.deep|argument 1 of identity.*→.*list.*1.*deep/);
    expect([nested.state, nested.attempt]).toEqual(["failed", 0]);
  });

  it("beside futures, too, once they have settled", async () => {
    complete(await rejection(identity([identity(1), () => 1])), "CW-DATA-001");
    complete(await rejection(identity(Promise.resolve(() => 1))), "CW-DATA-001");
  });

  it("as a result: told by its path, and the worker goes on", async () => {
    const wrong = app(() => ({ list: [1, () => 1] }));
    const future = wrong();
    const error = await rejection(future);
    complete(error, "CW-DATA-001", { task: future.id, app: "wrong", attempt: 1 });
    expect(error.message).toContain("the result of wrong");
  });

  it("as what a join app's futures resolve to", async () => {
    const wrong = joinApp(() => [Promise.resolve(() => 1)]);
    complete(await rejection(wrong()), "CW-DATA-001");
  });

  it("as a value in `using`", () => {
    complete(thrown(() => app(() => helper, { using: { helper: new WeakMap() } })), "CW-DATA-001");
    const helper = 1;
  });
});

describe("what tasks throw", () => {
  it("an error of the app arrives as itself, with its class name, message, stack, own properties and causes, and where it happened", async () => {
    const broken = app(function broken() {
      class HttpError extends Error {
        override name = "HttpError";
        readonly status = 404;
        readonly headers = new Map([["a", [1]]]);
      }
      throw new HttpError("not found", { cause: new TypeError("inner", { cause: "innermost" }) });
    });
    const future = broken();
    const error = await rejection(future);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "HttpError", message: "not found", status: 404, headers: new Map([["a", [1]]]), cause: { name: "TypeError", message: "inner", cause: "innermost" } });
    expect(error["cause"]).toBeInstanceOf(TypeError);
    expect(error.stack).toMatch(/bad-input\.test\.ts/);
    expect(error["where"]).toMatchObject({ task: future.id, attempt: 1, app: "broken", executor: "threads" });
    expect(Object.keys(error)).not.toContain("where");
  });

  it("an error with a property that cannot travel keeps the rest", async () => {
    const broken = app(() => {
      throw Object.assign(new Error("partly"), { fine: 1, callback: () => 1 });
    });
    const error = await rejection(broken());
    expect(error).toMatchObject({ message: "partly", fine: 1 });
  });

  it("an error that has a `where` of its own keeps it", async () => {
    const broken = app(() => {
      throw Object.assign(new Error("x"), { where: "in the kitchen" });
    });
    expect((await rejection(broken()))["where"]).toBe("in the kitchen");
  });

  it.each([["a text", "text"], ["a number", 3], ["null", null], ["nothing", undefined], ["a record", { status: 1 }]])("%s instead of an error is ForeignThrow around it", async (_, value) => {
    const throwing = app((x: unknown) => {
      throw x;
    });
    const future = throwing(value);
    const error = await rejection(future);
    complete(error, "CW-APP-013", { task: future.id, attempt: 1 });
    expect(error["cause"]).toEqual(value);
  });

  it("an error nobody caught, after the task, is counted and told, and harms nobody", async () => {
    const late = app(function late() {
      setImmediate(() => {
        throw new Error("too late");
      });
    });
    const told = new Promise((resolve) => {
      const subscription = shared.kernel.events$.subscribe((event) => {
        if (event.type !== "task.late-error") return;
        subscription.unsubscribe();
        resolve(event);
      });
    });
    const before = shared.kernel.summary().lateErrors;
    const future = late();
    await future;
    expect(await told).toMatchObject({ task: future.id, error: { message: "too late" } });
    expect(shared.kernel.summary().lateErrors - before).toBe(1);
  });
});

describe("modules that are not there", () => {
  it("are AppNotFound when a function of theirs is called, naming the module", async () => {
    const missing = appsFrom<{ run(): void }>("file:///no/such/module.mjs");
    const future = missing.run();
    complete(await rejection(future), "CW-APP-008", { app: "run", file: "file:///no/such/module.mjs", task: future.id });
  });
});

describe("files that cannot be written", () => {
  it("a stdout path that is a directory", async () => {
    mkdirSync(shared.path("a directory"), { recursive: true });
    const shell = bashApp(() => "echo x");
    for (const which of [shell, app(() => console.log("x"))] as const) complete(await rejection(which.with({ stdout: shared.path("a directory") })()), "CW-APP-005", { file: shared.path("a directory") });
  });
});

describe("where there is no kernel", () => {
  it("a call throws at once, saying where and what to do", async () => {
    const kernel: DataFlowKernel = dfk();
    clear();
    const error = thrown(() => identity(1));
    complete(error, "CW-CONF-003", { app: "identity", callSite: expect.stringContaining("bad-input.test.ts") });
    complete(thrown(() => dfk()), "CW-CONF-003");
    expect(await identity.on(kernel)(1)).toBe(1);
    const again = await load({ executors: [testExecutor({ maxThreads: 1 })] });
    await again.close();
    expect(thrown(() => identity(1)).name).toBe("NoDataFlowKernelError");
    const { setDefaultKernel } = await import("#internal/dataflow/default-kernel");
    setDefaultKernel(kernel);
  });

  it("what is no app cannot be submitted", () => {
    complete(thrown(() => shared.kernel.submit((() => 1) as never, [])), "CW-APP-009");
  });
});
