import type { EndReason } from "#internal/supervisors/types";
import { failure, isNormal, isShutdown, limits, type Known, type ReferenceChild, type ReferenceSpec, type StartOutcome } from "./reference-spec.js";

/** OTP's supervisor, written down from its description as one blocking process; ends of children are its only messages. */
export class ReferenceSupervisor {
  readonly trace: string[] = [];
  children: Known[] = [];
  now = 0;
  end: EndReason | undefined;
  private restarts: number[] = [];
  private retries = 0;
  private mailbox: (() => void)[] = [];

  constructor(
    readonly spec: ReferenceSpec,
    private readonly nextStart: (id: string) => StartOutcome,
  ) {}

  begin(): void {
    this.children = this.spec.children.map((child) => this.known(child, child.id));
    for (const child of [...this.children]) {
      const reason = this.launch(child);
      if (typeof reason === "string") continue;
      this.finish({ shutdown: { failed_to_start_child: child.id, reason: reason.failed } });
      return;
    }
  }

  startChild(child: ReferenceChild, name = child.id): string {
    if (this.end !== undefined) return "noproc";
    const present = this.spec.strategy === "simple_one_for_one" ? undefined : this.children.find(({ id }) => id === child.id);
    if (present !== undefined) return present.status === "undefined" ? "already_present" : "already_started";
    const made = this.known(child, name);
    this.children.push(made);
    const outcome = this.launch(made);
    if (typeof outcome === "string") return outcome;
    this.remove(made);
    return "failed_to_start_child";
  }

  administer(call: "restart" | "delete" | "terminate", id: string): string {
    if (this.end !== undefined) return "noproc";
    if (this.spec.strategy === "simple_one_for_one") return "simple_one_for_one";
    const child = this.children.find((one) => one.id === id);
    if (child === undefined) return "not_found";
    if (call === "terminate") return this.cease(child);
    if (child.status !== "undefined") return child.status;
    const outcome = call === "restart" ? this.launch(child) : this.remove(child);
    return typeof outcome === "string" ? outcome : "failed_to_start_child";
  }

  terminateInstance(name: string): string {
    if (this.end !== undefined) return "noproc";
    const child = this.children.find((one) => one.name === name);
    return child === undefined ? "not_found" : this.cease(child);
  }

  /** Children end by themselves, all at the same moment. */
  exit(...ends: readonly (readonly [name: string, reason: EndReason])[]): void {
    for (const [name, reason] of ends) {
      const child = this.children.find((one) => one.name === name && one.status === "running");
      if (child === undefined || child.dead !== undefined) continue;
      child.dead = reason;
      this.note("down", child);
      this.mailbox.push(() => this.handleExit(child, reason));
    }
    this.drain();
  }

  /** Lets time pass, and restarts what is due. */
  wait(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.children.filter((child) => child.due !== undefined && child.due <= until).sort((a, b) => (a.due ?? 0) - (b.due ?? 0) || a.retry - b.retry)[0];
      if (due === undefined || this.end !== undefined) break;
      this.now = Math.max(this.now, due.due ?? 0);
      due.due = undefined;
      this.attempt(due);
      this.drain();
    }
    this.now = Math.max(this.now, until);
  }

  finish(reason: EndReason): void {
    if (this.end !== undefined) return;
    this.end = reason;
    const children = this.children.splice(0).reverse();
    if (this.spec.strategy === "simple_one_for_one") this.terminate(...children);
    else for (const child of children) this.terminate(child);
    this.note("over");
  }

  private handleExit(child: Known, reason: EndReason): void {
    if (this.end !== undefined || child.status !== "running" || child.dead === undefined) return;
    const restarted = child.restart === "permanent" || (child.restart === "transient" && !isNormal(reason));
    if (restarted || !isNormal(reason)) this.note("report child_terminated", child, reason);
    if (!restarted) {
      this.settle(child);
      const { autoShutdown } = this.spec;
      const last = !this.children.some((other) => other.significant && other.status !== "undefined");
      if (child.significant && (autoShutdown === "any_significant" || (autoShutdown === "all_significant" && last))) this.finish("shutdown");
      return;
    }
    if (child.backoff !== undefined && this.now - child.since >= (child.backoff.min + child.backoff.max) / 2) child.failures = 0;
    if (child.backoff === undefined) this.attempt(child);
    else this.putOff(child);
  }

  private drain(): void {
    for (let next = this.mailbox.shift(); next !== undefined; next = this.mailbox.shift()) next();
  }

  private attempt(child: Known): void {
    this.restarts = [...this.restarts.filter((at) => this.now - at <= this.spec.period), this.now];
    if (this.restarts.length > this.spec.intensity) {
      this.note("report reached_max_restart_intensity", child);
      child.status = "undefined";
      this.finish("shutdown");
      return;
    }
    const failed = this.repair(child);
    if (failed !== undefined) this.putOff(failed);
  }

  /** Gives the child whose start failed. */
  private repair(child: Known): Known | undefined {
    const { strategy } = this.spec;
    child.status = "undefined";
    const from = strategy === "one_for_all" ? 0 : this.children.indexOf(child);
    const affected = strategy === "one_for_all" || strategy === "rest_for_one" ? this.children.slice(from) : [child];
    for (const other of [...affected].reverse()) if (other !== child) this.terminate(other);
    this.children = this.children.filter((other) => !(other !== child && other.restart === "temporary" && affected.includes(other)));
    return affected.find((other) => other.restart !== "temporary" && typeof this.launch(other) !== "string");
  }

  private launch(child: Known): "ok" | "ignore" | { readonly failed: EndReason } {
    const outcome = this.nextStart(child.id);
    this.note("start", child);
    Object.assign(child, { due: undefined, dead: undefined });
    if (outcome === "ok") Object.assign(child, { status: "running", since: this.now });
    else if (outcome === "ignore") this.settle(child);
    else {
      if (outcome === "hang") this.now += limits.start;
      this.note("down", child);
      const failed = outcome === "fail" ? failure : { error: { start_timeout: limits.start } };
      this.note("report start_error", child, failed);
      return { failed };
    }
    return outcome;
  }

  /** All that are given at the same time. */
  private terminate(...children: readonly Known[]): void {
    const stopped = children.filter(({ status }) => status === "running");
    for (const child of children) Object.assign(child, { status: "undefined", due: undefined });
    for (const child of stopped) if (child.dead === undefined) this.note("down", child);
    if (stopped.some(({ dead, brutal, stops }) => dead === undefined && !brutal && stops === "hang")) this.now += limits.stop;
    for (const child of stopped) {
      const { brutal, dead, restart, stops } = child;
      const reason = dead ?? (brutal || stops === "hang" ? "killed" : stops === "fail" ? failure : "shutdown");
      const expected = brutal ? reason === "killed" : restart === "permanent" ? isShutdown(reason) : isNormal(reason);
      if (!expected) this.note("report shutdown_error", child, reason);
    }
  }

  private putOff(child: Known): void {
    child.status = "restarting";
    child.failures++;
    child.retry = ++this.retries;
    if (child.backoff === undefined) {
      const { retry } = child;
      this.mailbox.push(() => (this.end === undefined && child.status === "restarting" && child.retry === retry ? this.attempt(child) : undefined));
    } else child.due = this.now + Math.min(child.backoff.max, child.backoff.min * 2 ** (child.failures - 1));
  }

  private settle(child: Known): void {
    Object.assign(child, { status: "undefined", failures: 0 });
    if (child.restart === "temporary" || this.spec.strategy === "simple_one_for_one") this.remove(child);
  }

  private remove(child: Known): string {
    this.children = this.children.filter((other) => other !== child);
    return "ok";
  }

  private cease(child: Known): string {
    this.terminate(child);
    this.settle(child);
    return "ok";
  }

  private known(child: ReferenceChild, name: string): Known {
    return { ...child, name, status: "undefined", dead: undefined, failures: 0, since: 0, due: undefined, retry: 0 };
  }

  private note(what: string, child?: Known, reason?: EndReason): void {
    this.trace.push([this.now, what, ...(child === undefined ? [] : [child.name]), ...(reason === undefined ? [] : [JSON.stringify(reason)])].join(" "));
  }
}
