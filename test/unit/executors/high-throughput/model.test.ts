import { expect, test } from "vitest";
import type { AnyStateMachine } from "xstate";
import { createMachine } from "xstate";
import { compile, type ChartState } from "#internal/actors/compile";
import { leaseMachine, type LeaseContext, type LeaseEffect, type LeaseInput, type LeaseMessage } from "#internal/state-machines/lease";
import { managerMachine, type ManagerContext, type ManagerEffect, type ManagerInput, type ManagerMessage } from "#internal/state-machines/manager";
import { managerSessionMachine, type SessionContext, type SessionEffect, type SessionInput, type SessionMessage } from "#internal/state-machines/manager-session";

const managerCharts = (machine: AnyStateMachine) => compile<ManagerContext, ManagerMessage, ManagerEffect, ManagerInput>(machine);
const sessionCharts = (machine: AnyStateMachine) => compile<SessionContext, SessionMessage, SessionEffect, SessionInput>(machine);
const leaseCharts = (machine: AnyStateMachine) => compile<LeaseContext, LeaseMessage, LeaseEffect, LeaseInput>(machine);
/** What is explored: the charts as they are, or with something planted. */
const managerChart = managerCharts(managerMachine);
let sessionChart = sessionCharts(managerSessionMachine);
let leaseChart = leaseCharts(leaseMachine);
let countsFromReceipt = false;

/** In units of a quarter of a lease: it wanes after two, and is over after four. */
const times = { waning: 2, lease: 4, grace: 1, reconnect: 1 };
/** What is older counts as this old. */
const oldest = times.lease + times.grace + 1;

interface Part<C> {
  readonly state: ChartState<C>;
  readonly context: C;
}

/**
 * A manager, its session and its lease. Signs of life and their answers may be lost, and may be as late as they like; the link may end for
 * one side long before the other; the head's process and the manager's have clocks that run alike.
 */
interface Model {
  /** The head's side; undefined while it does not know it. */
  readonly head: Part<ManagerContext> | undefined;
  readonly session: Part<SessionContext>;
  readonly lease: Part<LeaseContext>;
  /** For either side, whether the present link is there. */
  readonly near: boolean;
  readonly far: boolean;
  /** Time since the head heard of it last, and since the manager sent what the head has answered. */
  readonly silent: number;
  readonly unproven: number;
  /** A sign of life or an answer on its way: how long ago the manager sent it. */
  readonly sign: number | undefined;
  readonly answer: number | undefined;
  /** How long the head has waited for its link. */
  readonly detached: number | undefined;
  readonly registering: boolean;
  readonly pool: "up" | "stopping" | "down";
  readonly retry: boolean;
  /** What was told to the manager and has not arrived. */
  readonly orders: readonly ("drain" | "stop")[];
  /** Its process has ended. */
  readonly over: boolean;
  /** The head has given its work to others since its silence, and not because its link had ended. */
  readonly givenAway: boolean;
  /** Its pool begins what it has. */
  readonly begins: boolean;
  /** Its block is drained; it wants no more work: as they have told the head's side of this manager. */
  readonly drained: boolean;
  readonly retired: boolean;
}

type Draft = { -readonly [K in keyof Model]: Model[K] };

const partKey = <C>(part: Part<C> | undefined): unknown => (part === undefined ? 0 : part.state.name);
/** What no longer makes a difference counts as equal. */
function keyOf({ head, session, lease, near, far, silent, unproven, sign, answer, detached, ...rest }: Model): string {
  const known = head !== undefined && !head.state.final;
  const parts = [partKey(head), known ? head.context.rest : "", partKey(session), partKey(lease), near, far, known ? Math.min(times.lease, silent) : 0, rest.over ? 0 : unproven, sign ?? -1, answer ?? -1, detached ?? -1];
  return `${parts.join()},${[rest.registering, rest.retry, rest.over, rest.givenAway, rest.begins, known && rest.drained, known && rest.retired].map(Number).join("")},${rest.pool},${rest.orders.join("+")}`;
}
const copied = <C extends object>(part: Part<C>): Part<C> => ({ ...part, context: { ...part.context } });
const clone = (model: Model): Draft => ({ ...model, head: model.head === undefined ? undefined : copied(model.head), session: copied(model.session), lease: copied(model.lease) });
const older = (age: number): number => Math.min(oldest, age + 1);

function begin(): Model {
  const blank = (): never => ({ state: undefined, context: undefined }) as never;
  const draft: Draft = { head: undefined, session: blank(), lease: blank(), near: false, far: false, silent: 0, unproven: 0, sign: undefined, answer: undefined, detached: undefined, registering: false, pool: "up", retry: false, orders: [], over: false, givenAway: false, begins: false, drained: false, retired: false };
  sessionChart.start(draft.session, {}, []);
  leaseChart.start(draft.lease, { waning: times.waning, term: times.lease, grace: times.grace }, []);
  tellSession(draft, { type: "pool.started" });
  return draft;
}

function tellHead(draft: Draft, message: ManagerMessage): void {
  if (draft.head === undefined || draft.head.state.final) return;
  const effects: ManagerEffect[] = [];
  if (managerChart.step(draft.head, message, effects) === "unexpected") throw new Error(`${draft.head.state.name} has no answer to ${message.type}`);
  for (const effect of effects) {
    if (effect.type === "reconnect.await") draft.detached = 0;
    else if (effect.type === "reconnect.settle") draft.detached = undefined;
    else if (effect.type === "manager.tell" && draft.far) draft.orders = [...draft.orders.filter((one) => one !== effect.what), effect.what];
    else if (effect.type === "work.lose") {
      draft.far = false;
      draft.detached = undefined;
      if (effect.loss === "silent") draft.givenAway = true;
    }
  }
}

function tellSession(draft: Draft, message: SessionMessage): void {
  const effects: SessionEffect[] = [];
  if (sessionChart.step(draft.session, message, effects) === "unexpected") throw new Error(`${draft.session.state.name} has no answer to ${message.type}`);
  for (const effect of effects) {
    if (effect.type === "retry.await") draft.retry = true;
    else if (effect.type === "head.register") draft.registering = true;
    else if (effect.type === "answers.send" || effect.type === "starts.settle") settleStarts(draft);
    else if (effect.type === "pool.stop") Object.assign(draft, { pool: "stopping", begins: false });
    else if (effect.type === "process.end") Object.assign(draft, { over: true, near: false });
  }
}

function settleStarts(draft: Draft): void {
  draft.begins = draft.session.state.tags.has("takes-work") && draft.lease.state.tags.has("may-start");
}

function tellLease(draft: Draft, message: LeaseMessage): void {
  const effects: LeaseEffect[] = [];
  if (leaseChart.step(draft.lease, message, effects) === "unexpected") throw new Error(`${draft.lease.state.name} has no answer to ${message.type}`);
  for (const effect of effects) {
    if (effect.type === "starts.stop" || effect.type === "starts.resume") settleStarts(draft);
    else if (effect.type === "lease.end") tellSession(draft, { type: "lease.over" });
  }
}

/** The head answers what the manager sent so long ago. */
function renew(draft: Draft, age: number): void {
  draft.unproven = Math.min(draft.unproven, age);
  const { tags } = draft.lease.state;
  if (!tags.has("held") && (tags.has("may-start") || draft.unproven < times.waning)) tellLease(draft, { type: "lease.renewed" });
}

const wanes = { at: times.waning, message: "lease.waned" } as const;
const expires = { at: times.lease, message: "lease.expired" } as const;
const due: Readonly<Record<string, { readonly at: number; readonly message: Exclude<LeaseMessage["type"], "lease.renewed"> }>> = { assumed: wanes, held: wanes, "hoped-for": expires, waning: expires, expired: { at: times.lease + times.grace, message: "grace.expired" } };

/** A quarter of a lease passes; what is due by then happens. `idle`: the manager has nothing to tell. */
function pass(draft: Draft, idle = false): void {
  draft.silent = older(draft.silent);
  draft.unproven = older(draft.unproven);
  for (const one of ["sign", "answer", "detached"] as const) if (draft[one] !== undefined) draft[one] = older(draft[one]);
  if (draft.head !== undefined && !draft.head.state.final) {
    if (draft.silent >= times.lease) tellHead(draft, { type: "lease.expired" });
    else if (draft.silent >= times.waning) tellHead(draft, { type: "lease.waned" });
    if (draft.detached !== undefined && draft.detached >= times.reconnect) tellHead(draft, { type: "reconnect.expired" });
  }
  if (draft.over) return;
  for (let next = due[draft.lease.state.name]; next !== undefined && draft.unproven >= next.at; next = due[draft.lease.state.name]) tellLease(draft, { type: next.message, idle });
}

/** Everything that can happen next. */
function* next(model: Model): Generator<[what: string, after: Model]> {
  const after = (what: string, change: (draft: Draft) => void): [string, Model] => {
    const draft = clone(model);
    change(draft);
    return [what, draft];
  };
  const { head, session, near, far, over } = model;
  const known = head !== undefined && !head.state.final;
  yield after("time", (draft) => pass(draft));
  yield after("time without work", (draft) => pass(draft, true));
  if (far) yield after("far end", (draft) => { draft.far = false; tellHead(draft, { type: "link.lost" }); });
  if (known) yield* (["manager.drain", "manager.resume", "manager.retire", "manager.emptied", "manager.stop"] as const).map((type) => after(type, (draft) => {
    if (type === "manager.retire") draft.retired = true;
    else if (type === "manager.drain" || type === "manager.resume") draft.drained = type === "manager.drain";
    tellHead(draft, { type });
  }));
  if (model.sign !== undefined) {
    yield after("sign lost", (draft) => (draft.sign = undefined));
    if (far && known) yield after("heard", (draft) => {
      Object.assign(draft, { silent: 0, answer: model.sign, sign: undefined });
      if (draft.head?.state.name === "suspect") tellHead(draft, { type: "manager.heard" });
    });
  }
  if (model.answer !== undefined) yield after("answer lost", (draft) => (draft.answer = undefined));
  if (over) return;
  yield* fromManager(model, after);
  if (session.state.name === "connecting") {
    yield after("link.failed", (draft) => tellSession(draft, { type: "link.failed", error: undefined }));
    if (!far) yield after("link.made", (draft) => { Object.assign(draft, { near: true, far: true }); tellSession(draft, { type: "link.made" }); });
  }
  if (near) yield after("near end", (draft) => { Object.assign(draft, { near: false, registering: false, sign: undefined, answer: undefined, orders: [] }); tellSession(draft, { type: "link.lost" }); });
}

function* fromManager(model: Model, after: (what: string, change: (draft: Draft) => void) => [string, Model]): Generator<[string, Model]> {
  const { session, near, far } = model;
  const known = model.head !== undefined && !model.head.state.final;
  if (model.retry) yield after("retry", (draft) => { draft.retry = false; tellSession(draft, { type: "retry.due" }); });
  if (model.pool === "stopping") yield after("pool.stopped", (draft) => { draft.pool = "down"; tellSession(draft, { type: "pool.stopped" }); });
  if (model.pool === "up" && !session.state.tags.has("stopping")) yield after("pool.failed", (draft) => tellSession(draft, { type: "pool.failed", error: "broken" }));
  if (near && session.state.tags.has("linked") && model.sign === undefined) yield after("alive", (draft) => (draft.sign = 0));
  if (near && model.answer !== undefined) yield after("answered", (draft) => { draft.answer = undefined; renew(draft, countsFromReceipt ? 0 : (model.answer ?? oldest)); });
  if (near && model.orders.length > 0) yield after("order", (draft) => { draft.orders = model.orders.slice(1); tellSession(draft, { type: model.orders[0] === "stop" ? "manager.stop" : "manager.drain" }); });
  // The head has its registration, and its answer arrives; or that is lost with the link.
  if (near && far && model.registering) yield after("accepted", (draft) => {
    Object.assign(draft, { registering: false, silent: 0 });
    if (!known) {
      draft.head = { state: undefined, context: undefined } as never;
      managerChart.start(draft.head as Part<ManagerContext>, { waning: times.waning, lease: times.lease, reconnect: times.reconnect }, []);
      Object.assign(draft, { givenAway: false, drained: false, retired: false });
    }
    tellHead(draft, { type: known ? "link.restored" : "manager.accepted" });
    renew(draft, 0);
    tellSession(draft, { type: "session.accepted" });
  });
}

interface Explored {
  readonly model: Model;
  readonly to: string[];
}

const most = 400_000;

function explore(until: (model: Model) => boolean = () => false): Map<string, Explored> {
  const first = begin();
  const seen = new Map<string, Explored>([[keyOf(first), { model: first, to: [] }]]);
  for (const [, { model, to }] of seen) {
    if (isOver(model)) continue;
    if (until(model)) break;
    for (const [, after] of next(model)) {
      const key = keyOf(after);
      to.push(key);
      if (seen.has(key)) continue;
      seen.set(key, { model: after, to: [] });
      if (seen.size > most) throw new Error(`more than ${most} states`);
    }
  }
  return seen;
}

const isOver = ({ head, over }: Model): boolean => over && (head === undefined || head.state.final);
const mayStart = ({ over, begins }: Model): boolean => !over && begins;
const describeModel = ({ head, session, lease, silent, unproven }: Model): string => `head ${head?.state.name ?? "-"} (silent for ${silent}), session ${session.state.name}, lease ${lease.state.name} (unproven for ${unproven})`;
/** It may begin work that the head has given to others after its silence. */
const isWrong = (model: Model): boolean => model.givenAway && mayStart(model);

/** The same chart, but for the answer of one state to one message. */
function changed(machine: AnyStateMachine, state: string, message: string, answer: unknown): AnyStateMachine {
  const { states = {} } = machine.config as { states?: Record<string, { on?: object }> };
  return createMachine({ ...machine.config, states: { ...states, [state]: { ...states[state], on: { ...states[state]?.on, [message]: answer } } } } as never, machine.implementations as never);
}

const explored = explore();

test("a manager, its session and its lease, whatever is lost and however late it comes: all their states are explored", () => {
  expect(explored.size).toBeGreaterThan(20_000);
  const visited = (part: (model: Model) => string | undefined): Set<string | undefined> => new Set([...explored.values()].map(({ model }) => part(model)));
  const managers = visited(({ head }) => head?.state.name);
  // It is registering for no longer than the turn in which it is accepted.
  expect([...managerChart.states.keys()].filter((name) => !managers.has(name))).toEqual(["registering"]);
  const sessions = visited(({ session }) => session.state.name);
  expect([...sessionChart.states.keys()].filter((name) => !sessions.has(name))).toEqual(["starting"]);
  const leases = visited(({ lease }) => lease.state.name);
  expect([...leaseChart.states.keys()].filter((name) => !leases.has(name))).toEqual([]);
});

test("what the head has given to others after its silence, a manager does not begin", () => {
  expect([...explored.values()].filter(({ model }) => isWrong(model)).map(({ model }) => describeModel(model))).toEqual([]);
});

/** It may begin work without a link that the head has accepted, or without a lease. */
const isLoose = (model: Model): boolean => mayStart(model) && !(model.near && model.session.state.tags.has("takes-work") && model.lease.state.tags.has("may-start"));

test("a manager begins nothing but over a link that the head has accepted, and while its lease is held", () => {
  expect([...explored.values()].filter(({ model }) => isLoose(model)).map(({ model }) => describeModel(model))).toEqual([]);
});

test("a manager that leaves knows what the head knows of it over the present link", () => {
  for (const state of sessionChart.states.values()) {
    if (!state.tags.has("stopping")) continue;
    const effects: SessionEffect[] = [];
    sessionChart.step({ state, context: { tries: 0, error: undefined } }, { type: "pool.stopped" }, effects);
    expect(effects[0]).toEqual({ type: "head.leave", standing: state.name.slice(state.name.indexOf(".") + 1) });
  }
});

test("a manager whose block is drained, or that wants no more work, takes none, whatever becomes of its link; any other does once it is heard", () => {
  const rests = ({ drained, retired }: Model): boolean => drained || retired;
  const found = [...explored.values()].map(({ model }) => model).filter(({ head }) => head !== undefined && !head.state.final);
  expect(found.filter((model) => rests(model) && model.head?.state.tags.has("takes-work")).map(describeModel)).toEqual([]);
  expect(found.filter((model) => rests(model) !== (model.head?.context.rest !== "none") && model.head?.state.name !== "stopping").map(describeModel)).toEqual([]);
  expect(found.filter((model) => !rests(model) && model.head?.state.name === "draining").map(describeModel)).toEqual([]);
  expect(new Set(found.map(({ head }) => head?.context.rest))).toEqual(new Set(["none", "with-its-block", "for-good"]));
});

test("from every state both sides can end", () => {
  const from = new Map<string, string[]>();
  for (const [key, { to }] of explored) for (const target of to) {
    const known = from.get(target);
    if (known === undefined) from.set(target, [key]);
    else known.push(key);
  }
  const canEnd = new Set([...explored].flatMap(([key, { model }]) => (isOver(model) ? [key] : [])));
  for (const key of canEnd) for (const before of from.get(key) ?? []) canEnd.add(before);
  expect([...explored].filter(([key]) => !canEnd.has(key)).map(([, { model }]) => describeModel(model)).slice(0, 5)).toEqual([]);
});

test("both sides end by time alone, where nothing gets through any more", () => {
  for (const { model } of explored.values()) {
    const draft = clone({ ...model, sign: undefined, answer: undefined, orders: [] });
    for (let i = 0; i <= oldest + 1; i++) pass(draft);
    if (draft.pool === "stopping") tellSession(draft, { type: "pool.stopped" });
    if (!isOver(draft)) throw new Error(`${describeModel(model)} does not end: ${describeModel(draft)}`);
  }
});

test("the exploration finds what is planted", () => {
  const finds = (): boolean => [...explore(isWrong).values()].some(({ model }) => isWrong(model));
  leaseChart = leaseCharts(changed(leaseMachine, "held", "lease.waned", { target: "waning" }));
  expect(finds(), "a lease that wanes and says nothing of it").toBe(true);
  leaseChart = leaseCharts(leaseMachine);
  countsFromReceipt = true;
  expect(finds(), "a manager that counts from when it hears the head, however long that was on its way").toBe(true);
  countsFromReceipt = false;
  sessionChart = sessionCharts(changed(managerSessionMachine, "active", "link.lost", { target: "waiting" }));
  expect([...explore(isLoose).values()].some(({ model }) => isLoose(model)), "a session that loses its link and says nothing of it").toBe(true);
  sessionChart = sessionCharts(managerSessionMachine);
});
