import { inspect } from "node:util";
import type { EndReason } from "../state-machines/end-reason.js";
import type { Answer, NewChild } from "../state-machines/supervision.js";
import type { SupervisorMessage } from "../state-machines/supervisor.js";
import { ChildCell } from "./child-cell.js";
import { prepareChild } from "./check-specs.js";
import type { Administration } from "./handle.js";
import { LogicalRef } from "./logical-ref.js";
import type { PreparedChild, PreparedSupervisor } from "./prepared.js";
import { causeOf } from "./ref-errors.js";
import { refusal } from "./refusal.js";
import type { Roll } from "./roll.js";
import type { Services } from "./services.js";
import type { SupervisorCell } from "./supervisor-kind.js";
import type { ActorRef, ChildInfo, ChildSpec, Supervisor } from "./types.js";

/** The supervisor that is administered. */
export interface Administered {
  readonly services: Services;
  readonly prepared: PreparedSupervisor;
  readonly path: string;
  readonly cell: SupervisorCell;
  readonly entries: Roll<ChildCell>;
  enter(child: PreparedChild, name?: string | number, input?: unknown): ChildCell;
  drop(key: number, gaveUp: boolean): void;
}

interface PendingCall {
  /** What was asked for and of whom, to say in a refusal. */
  readonly act: "start" | "restart" | "stop" | "delete";
  readonly child: string | ActorRef | ChildCell;
  /** Of the child that the call would make. */
  readonly key: number | undefined;
  resolve(ref: LogicalRef | undefined): void;
  reject(error: unknown): void;
}

type CallMessage = Extract<SupervisorMessage, { readonly call: number }>;

/** OTP's calls of administration: each is a message to the supervisor, and waits for its turn. */
export class SupervisorAdministration implements Administration {
  private readonly calls = new Map<number, PendingCall>();
  private numbers = 0;

  constructor(private readonly supervisor: Administered) {}

  async startChild(spec: ChildSpec | { readonly id?: string; readonly input?: unknown }): Promise<ActorRef | undefined> {
    const { strategy, autoShutdown } = this.supervisor.prepared;
    const isDynamic = strategy === "simple_one_for_one";
    const cell = isDynamic ? this.instance(spec) : this.supervisor.enter(prepareChild(spec as ChildSpec, this.supervisor.path, autoShutdown));
    const { key, prepared } = cell;
    const child: NewChild = { key, id: isDynamic ? "" : prepared.id, traits: prepared.traits };
    return this.call("start", cell, (call, at) => ({ type: "call.start-child", child, call, at }), key);
  }

  async restartChild(id: string): Promise<ActorRef | undefined> {
    return this.call("restart", id, (call, at) => ({ type: "call.restart-child", id, call, at }));
  }

  async terminateChild(child: string | ActorRef): Promise<void> {
    const key = typeof child === "string" ? undefined : this.keyOf(child);
    if (typeof child !== "string" && key === undefined) throw refusal("not_found", `${this.supervisor.path} has no child with the ref ${child.path}`, { actor: this.supervisor.path });
    await this.call("stop", child, (call, at) => (typeof child === "string" ? { type: "call.terminate-child", id: child, call, at } : { type: "call.terminate-child", key: key ?? 0, call, at }));
  }

  async deleteChild(id: string): Promise<void> {
    await this.call("delete", id, (call, at) => ({ type: "call.delete-child", id, call, at }));
  }

  children(): ChildInfo[] {
    const known = [...this.supervisor.cell.context.children].map(({ key, status }): ChildInfo[] => {
      const entry = this.supervisor.entries.get(key);
      if (entry === undefined) return [];
      const ref = status === "running" ? entry.ref : status === "restarting" ? status : undefined;
      return [{ id: entry.name, ref, type: typeOf(entry.prepared), restarts: Math.max(0, entry.ref.incarnation - 1) }];
    });
    return known.flat().reverse();
  }

  count(): ReturnType<Supervisor["count"]> {
    const { children: known, strategy } = this.supervisor.cell.context;
    const children = [...known];
    const supervisors = children.filter(({ key }) => this.supervisor.entries.get(key)?.prepared.body.kind === "supervisor").length;
    const active = children.filter(({ status }) => status === "running").length;
    return { specs: strategy === "simple_one_for_one" ? 1 : children.length, active, supervisors, workers: children.length - supervisors };
  }

  spec(id: string): ChildSpec {
    const { children, ids, strategy } = this.supervisor.cell.context;
    const key = strategy === "simple_one_for_one" ? Array.from(children).find((child) => this.supervisor.entries.get(child.key)?.name === id)?.key : ids.get(id);
    const entry = key === undefined ? undefined : this.supervisor.entries.get(key);
    if (entry === undefined) throw refusal("not_found", `${this.supervisor.path} has no child ${JSON.stringify(id)}`, { actor: this.supervisor.path });
    return { ...entry.prepared.spec, id };
  }

  end(reason: EndReason): void {
    const { services, cell } = this.supervisor;
    services.dispatcher.tellControl(cell, { type: "supervisor.stop", reason, at: services.now });
  }

  /** The supervisor's answer to a call. */
  reply(number: number, answer: Answer): void {
    const call = this.calls.get(number);
    this.calls.delete(number);
    if (call === undefined) return;
    if (answer.ok) {
      call.resolve(answer.key === undefined ? undefined : this.supervisor.entries.get(answer.key)?.ref);
      return;
    }
    const { key } = call;
    // A start that is given up while it goes on is still the supervisor's: it stops the child first.
    if (key !== undefined && !this.supervisor.cell.context.children.has(key)) this.supervisor.drop(key, false);
    const { path } = this.supervisor;
    const cause = causeOf(answer.cause);
    call.reject(refusal(answer.reason, `${path} refused the ${call.act} of ${nameOf(call.child)}${cause === undefined ? "" : `: ${textOf(cause)}`}`, { actor: path, evidence: answer.cause === undefined ? {} : { end: answer.cause }, cause }));
  }

  /** The supervisor was killed, or has crashed: nobody answers any more. */
  close(): void {
    for (const number of [...this.calls.keys()]) this.reply(number, { ok: false, reason: "shutdown" });
  }

  private instance({ id, input }: { readonly id?: string; readonly input?: unknown }): ChildCell {
    const { prepared, path, services } = this.supervisor;
    const { template } = prepared;
    if (template === undefined) throw refusal("missing_child", `${path} has no template`);
    return this.supervisor.enter(template, id ?? services.ports.ids.number(path), input === undefined ? template.input : input);
  }

  /** Of a child's ref, while the supervisor has the child. */
  private keyOf(child: ActorRef): number | undefined {
    const home = child instanceof LogicalRef ? child.home : undefined;
    if (!(home instanceof ChildCell) || home.ref !== child) return undefined;
    return this.supervisor.entries.get(home.key) === home ? home.key : undefined;
  }

  private call(act: PendingCall["act"], child: PendingCall["child"], message: (call: number, at: number) => CallMessage, key?: number): Promise<LogicalRef | undefined> {
    const { services, cell } = this.supervisor;
    const number = ++this.numbers;
    return new Promise((resolve, reject) => {
      this.calls.set(number, { act, child, key, resolve, reject });
      if (cell.state.final || cell.crashed) this.reply(number, { ok: false, reason: "shutdown" });
      else services.dispatcher.tellControl(cell, message(number, services.now));
    });
  }
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : inspect(cause, { depth: 1 }));

const nameOf = (child: PendingCall["child"]): string => (typeof child === "string" ? JSON.stringify(child) : child instanceof ChildCell ? JSON.stringify(child.name) : child.path);

const typeOf = ({ body }: PreparedChild): "worker" | "supervisor" => (body.kind === "supervisor" ? "supervisor" : "worker");
