import type { Observable } from "rxjs";
import { Announcer } from "../actors/streams.js";
import type { EndReason } from "../state-machines/end-reason.js";
import { refusal } from "./refusal.js";
import type { ActorRef, ChildInfo, ChildSpec, Supervisor, SupervisorReport } from "./types.js";

/** What a handle passes its calls on to: one incarnation of the supervisor. */
export interface Administration {
  startChild(spec: ChildSpec | { readonly id?: string; readonly input?: unknown }): Promise<ActorRef | undefined>;
  restartChild(id: string): Promise<ActorRef | undefined>;
  terminateChild(child: string | ActorRef): Promise<void>;
  deleteChild(id: string): Promise<void>;
  children(): ChildInfo[];
  count(): ReturnType<Supervisor["count"]>;
  spec(id: string): ChildSpec;
  end(reason: EndReason): void;
}

/** A supervisor as users hold it: it stays valid over restarts by the supervisor above. */
export class SupervisorHandle implements Supervisor {
  readonly reports = new Announcer<SupervisorReport>();
  private current: Administration | undefined;

  constructor(
    readonly path: string,
    private readonly whenEnded: () => Promise<EndReason>,
    private readonly hasEnded: () => boolean,
  ) {}

  get ended(): Promise<EndReason> {
    return this.whenEnded();
  }

  get reports$(): Observable<SupervisorReport> {
    return this.reports.observable;
  }

  /** Calls go to this incarnation from here on. */
  attach(current: Administration | undefined): void {
    this.current = current;
  }

  async start(spec: ChildSpec | { readonly id?: string; readonly input?: unknown }): Promise<ActorRef | undefined> {
    return this.present().startChild(spec);
  }

  async restart(id: string): Promise<ActorRef | undefined> {
    return this.present().restartChild(id);
  }

  async stop(child: string | ActorRef): Promise<void> {
    return this.present().terminateChild(child);
  }

  async delete(id: string): Promise<void> {
    return this.present().deleteChild(id);
  }

  children(): ChildInfo[] {
    return this.current?.children() ?? [];
  }

  count(): ReturnType<Supervisor["count"]> {
    return this.current?.count() ?? { specs: 0, active: 0, supervisors: 0, workers: 0 };
  }

  spec(id: string): ChildSpec {
    return this.present().spec(id);
  }

  async shutdown(reason: EndReason = "shutdown"): Promise<void> {
    this.current?.end(reason);
    await this.ended;
  }

  private present(): Administration {
    if (this.current !== undefined) return this.current;
    throw this.hasEnded() ? refusal("noproc", `the supervisor ${this.path} has ended`, { actor: this.path }) : refusal("restarting", `the supervisor ${this.path} is not running now`, { actor: this.path });
  }
}
