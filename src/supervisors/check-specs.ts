import type { AnyActorLogic, AnyStateMachine } from "xstate";
import { compile, type CompiledChart, type Typed } from "../actors/compile.js";
import { Place } from "../actors/place.js";
import { durationFault, parseDuration } from "../config/units.js";
import type { AutoShutdown } from "../state-machines/supervision.js";
import { traitsOf, type Body, type PreparedChild, type PreparedSupervisor } from "./prepared.js";
import { refusal } from "./refusal.js";
import type { Backoff, ChildSpec, SupervisorSpec } from "./types.js";

const strategies = ["one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"];
const autoShutdowns = ["never", "any_significant", "all_significant"];
const restarts = ["permanent", "transient", "temporary"];
const kinds = ["run", "machine", "supervisor", "logic", "module"] as const;

/** Checks a supervisor's specification, with all that is in it, before anything starts; the refusal names the field. */
export function prepareSupervisor(spec: SupervisorSpec, place: string): PreparedSupervisor {
  const { strategy = "one_for_one", intensity = 1, period = 5000, autoShutdown = "never", children = [], child } = spec;
  if (!strategies.includes(strategy)) throw refusal("invalid_strategy", `${place}: strategy ${JSON.stringify(strategy)} is none of ${strategies.join(", ")}`);
  if (!Number.isSafeInteger(intensity) || intensity < 0) throw refusal("invalid_intensity", `${place}: intensity must be a whole number from 0 up, but is ${String(intensity)}`);
  const periodMs = milliseconds("invalid_period", `${place}: period`, period);
  if (periodMs <= 0) throw refusal("invalid_period", `${place}: period must be more than nothing`);
  if (!autoShutdowns.includes(autoShutdown)) throw refusal("invalid_auto_shutdown", `${place}: autoShutdown ${JSON.stringify(autoShutdown)} is none of ${autoShutdowns.join(", ")}`);
  checkTemplate(spec, place);
  const prepared = children.map((one) => prepareChild(one, place, autoShutdown));
  for (const [i, { id }] of prepared.entries()) if (prepared.findIndex((other) => other.id === id) !== i) throw refusal("duplicate_child_name", `${place}: two children have the id ${JSON.stringify(id)}`);
  return { strategy, intensity, period: periodMs, autoShutdown, children: prepared, template: child === undefined ? undefined : prepareChild({ ...child, id: "(template)" }, place, autoShutdown) };
}

function checkTemplate({ strategy, autoShutdown = "never", children = [], child }: SupervisorSpec, place: string): void {
  if (strategy !== "simple_one_for_one") {
    if (child !== undefined) throw refusal("bad_combination", `${place}: child, a template, is for strategy simple_one_for_one alone; use children`);
    return;
  }
  if (child === undefined) throw refusal("missing_child", `${place}: strategy simple_one_for_one needs child, the template of its children`);
  if (children.length > 0) throw refusal("bad_combination", `${place}: strategy simple_one_for_one has no children of its own; start them by start({ id, input })`);
  if (autoShutdown !== "never") throw refusal("bad_combination", `${place}: autoShutdown ${autoShutdown} cannot go with strategy simple_one_for_one`);
}

/** Checks one child's specification. `autoShutdown` is its supervisor's. */
export function prepareChild(spec: ChildSpec, around: string, autoShutdown: AutoShutdown): PreparedChild {
  const { id, restart = "permanent", significant = false, backoff = false, input } = spec;
  if (typeof id !== "string" || id === "") throw refusal("missing_id", `${around}: a child needs an id, a text that is not empty`);
  const place = `${around}/${id}`;
  if (!restarts.includes(restart)) throw refusal("invalid_restart", `${place}: restart ${JSON.stringify(restart)} is none of ${restarts.join(", ")}`);
  if (typeof significant !== "boolean") throw refusal("invalid_significant", `${place}: significant must be true or false`);
  if (significant && restart === "permanent") throw refusal("bad_combination", `${place}: a significant child cannot have restart permanent`);
  if (significant && autoShutdown === "never") throw refusal("bad_combination", `${place}: a significant child needs a supervisor with autoShutdown`);
  const body = prepareBody(spec, place);
  const isSupervisor = body.kind === "supervisor";
  const boxed = prepareMailbox(spec.mailbox ?? {}, place);
  const shutdown = prepareShutdown(spec.shutdown ?? (isSupervisor ? "infinity" : 5000), place);
  const startTimeout = limit("invalid_start_timeout", `${place}: startTimeout`, spec.startTimeout ?? (isSupervisor ? "infinity" : 30_000));
  const delays = backoff === false ? undefined : prepareBackoff(backoff, place);
  return { spec, id, traits: traitsOf({ restart, significant, shutdown, backoff: delays }), shutdown, startTimeout, backoff: delays, ...boxed, input, body };
}

function prepareMailbox(given: NonNullable<ChildSpec["mailbox"]>, place: string): Pick<PreparedChild, "mailbox" | "dropsOldest"> {
  const { capacity = 10_000, full = "refuse" } = typeof given === "object" ? given : { capacity: given };
  if (!Number.isSafeInteger(capacity) || capacity < 1) throw refusal("invalid_mailbox", `${place}: mailbox must be a whole number from 1 up, but is ${String(capacity)}`);
  if (full !== "refuse" && full !== "drop_oldest") throw refusal("invalid_mailbox", `${place}: mailbox.full ${JSON.stringify(full)} is none of refuse, drop_oldest`);
  return { mailbox: capacity, dropsOldest: full === "drop_oldest" };
}

function prepareShutdown(shutdown: NonNullable<ChildSpec["shutdown"]>, place: string): number | "brutal_kill" {
  return shutdown === "brutal_kill" ? shutdown : limit("invalid_shutdown", `${place}: shutdown`, shutdown);
}

function prepareBackoff({ min, max, jitter = 0.1 }: Backoff, place: string): PreparedChild["backoff"] {
  const [least, most] = [milliseconds("invalid_backoff", `${place}: backoff.min`, min), milliseconds("invalid_backoff", `${place}: backoff.max`, max)];
  if (most < least) throw refusal("invalid_backoff", `${place}: backoff.max must not be less than backoff.min`);
  if (typeof jitter !== "number" || !(jitter >= 0 && jitter <= 1)) throw refusal("invalid_backoff", `${place}: backoff.jitter must be from 0 to 1, but is ${String(jitter)}`);
  return { min: least, max: most, jitter };
}

function prepareBody(spec: ChildSpec, place: string): Body {
  const given = kinds.filter((kind) => spec[kind] !== undefined);
  const [kind, another] = given;
  if (kind === undefined) throw refusal("missing_start", `${place}: a child needs one of ${kinds.join(", ")}`);
  if (another !== undefined) throw refusal("bad_combination", `${place}: a child is one thing, but has ${given.join(" and ")}`);
  if (kind !== "module" && spec.on !== undefined) throw refusal("bad_combination", `${place}: on says where a module runs, and goes with module alone`);
  if (kind === "module") return prepareModule(spec, place);
  if (kind === "logic") return { kind, logic: prepareLogic(spec.logic, place) };
  if (kind === "supervisor" && spec.supervisor !== undefined) return { kind, supervisor: prepareSupervisor(spec.supervisor, place) };
  if (kind === "machine" && spec.machine !== undefined) return prepareMachine(spec.machine, spec, place);
  if (kind !== "run" || typeof spec.run !== "function") throw refusal("invalid_run", `${place}: run must be a function`);
  return { kind, run: spec.run };
}

function prepareModule({ module, on, resourceLimits = {} }: ChildSpec, place: string): Body {
  if (!(module instanceof URL) || !/^(?:file|data|node):$/.test(module.protocol)) throw refusal("invalid_module", `${place}: module must be the URL of a file, as new URL("./worker.js", import.meta.url)`);
  if (on === undefined) throw refusal("missing_on", `${place}: a module needs on, which says where it runs: "thread", or a block of a kernel`);
  if (on !== "thread" && !(on instanceof Place)) throw refusal("invalid_on", `${place}: on must be "thread", or a block or a node of one, as \`await kernel.block("label")\` gives it`);
  for (const [name, value] of Object.entries(resourceLimits)) if (!(typeof value === "number" && value > 0)) throw refusal("invalid_resource_limits", `${place}: resourceLimits.${name} must be a number above 0, but is ${String(value)}`);
  return { kind: "module", module, on, resourceLimits };
}

function prepareLogic(logic: ChildSpec["logic"], place: string): AnyActorLogic {
  const isLogic = typeof logic === "object" && typeof logic.transition === "function" && typeof logic.getInitialSnapshot === "function";
  if (!isLogic) throw refusal("invalid_logic", `${place}: logic must be logic of xstate: a machine, or what fromPromise, fromCallback, fromObservable or fromTransition gives`);
  return logic;
}

const compiled = new WeakMap<AnyStateMachine, CompiledChart<object, Typed, Typed, unknown>>();

function prepareMachine(machine: AnyStateMachine, { effects = {} }: ChildSpec, place: string): Body {
  for (const [type, perform] of Object.entries(effects)) if (typeof perform !== "function") throw refusal("invalid_effects", `${place}: effects[${JSON.stringify(type)}] must be a function`);
  try {
    const chart = compiled.get(machine) ?? compile<object, Typed, Typed, unknown>(machine);
    compiled.set(machine, chart);
    return { kind: "machine", chart, effects };
  } catch (cause) {
    throw refusal("invalid_machine", `${place}: machine cannot be run: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function limit(reason: string, what: string, value: unknown): number {
  return value === "infinity" ? Infinity : milliseconds(reason, what, value);
}

function milliseconds(reason: string, what: string, value: unknown): number {
  const fault = durationFault(value);
  if (fault !== undefined) throw refusal(reason, `${what} ${fault}`);
  return parseDuration(value as number | string, what);
}
