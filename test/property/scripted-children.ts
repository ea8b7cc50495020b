import { simulate } from "#internal/supervisors/simulation";
import type { ActorSystem } from "#internal/supervisors/system";
import type { ActorRef, ChildSpec, EndReason, Self, Supervisor, SupervisorSpec } from "#internal/supervisors/types";
import { SupervisionError } from "#internal/errors/index";
import { describeViolation, InvariantChecker } from "#internal/testing/index";
import { limits, type ReferenceChild, type ReferenceSpec, type StartOutcome } from "./reference-spec.js";
import { supervisionRules } from "./supervision-rules.js";

/** Where a scripted system runs. */
export interface World {
  readonly system: ActorSystem;
  /** What a rule allows anything to be late by, in milliseconds, where that is not as usual. */
  readonly slack?: number;
  now(): number;
  /** Lets everything happen, however long that takes on its clock. */
  settle(): Promise<void>;
  settleFor(ms: number): Promise<void>;
}

export function simulatedWorld(seed: number): World {
  const { system, ports } = simulate(seed, "system");
  return { system, slack: 10, now: () => ports.clock.now(), settle: () => ports.settle(100_000), settleFor: (ms) => ports.settleFor(ms) };
}

/** A supervisor of children that do what a script says, and a trace of what they did. */
export class ScriptedSystem {
  readonly trace: string[] = [];
  readonly refs = new Map<string, ActorRef>();
  /** Whether what happens at one time to several children happens in a certain order. */
  readonly inOrder: boolean = true;
  supervisor: Supervisor | undefined;
  /** Actors that have begun and not ended. */
  readonly alive = new Set<string>();
  private readonly checker: InvariantChecker;

  constructor(
    readonly world: World,
    readonly spec: ReferenceSpec,
    private readonly nextStart: (id: string) => StartOutcome,
  ) {
    this.checker = new InvariantChecker({ invariants: supervisionRules, ...(world.slack === undefined ? {} : { slack: world.slack }) });
    world.system.transitions$.subscribe((record) => this.checker.feed(record));
    world.system.reports$.subscribe((report) => {
      const more = report.report === "reached_max_restart_intensity" ? "" : ` ${JSON.stringify(report.reason)}`;
      this.note(`report ${report.report} ${report.id}${more}`);
    });
  }

  /** Starts the supervisor; the word of its refusal, or `ok`. */
  async begin(): Promise<string> {
    const { children, strategy, intensity, period, autoShutdown } = this.spec;
    const dynamic = strategy === "simple_one_for_one";
    const spec: SupervisorSpec = { strategy, intensity, period, autoShutdown, ...(dynamic ? { child: this.childSpec(children[0] as ReferenceChild) } : { children: children.map((child) => this.childSpec(child)) }) };
    const answer = await this.answered(
      (async () => {
        this.supervisor = await this.world.system.supervise(spec, "top");
        void this.supervisor.ended.then(() => this.note("over"));
      })(),
    );
    if (answer !== "ok") this.note("over");
    return answer;
  }

  /** What a call came to: `ok`, `ignore`, or the word of its refusal. */
  async answered(call: Promise<unknown>, settle: () => Promise<void> = () => this.world.settle()): Promise<string> {
    let answer = "no answer";
    const done = call.then(
      (ref) => {
        answer = "ok";
        if (isRef(ref)) this.refs.set(ref.id, ref);
      },
      (error: unknown) => {
        answer = error instanceof SupervisionError ? error.reason : `threw ${String(error)}`;
      },
    );
    await settle();
    if (answer !== "no answer") await done;
    return answer;
  }

  childSpec(child: ReferenceChild): ChildSpec {
    return { ...this.limits(child), run: (self: Self<{ exit: EndReason }>) => this.run(child, self) };
  }

  protected limits({ id, restart, significant, brutal, backoff }: ReferenceChild): ChildSpec {
    return { id, restart, significant, shutdown: brutal ? "brutal_kill" : limits.stop, startTimeout: limits.start, backoff: backoff === undefined ? false : { ...backoff, jitter: 0 } };
  }

  private run(child: ReferenceChild, self: Self<{ exit: EndReason }>): unknown {
    const { id } = self.ref;
    const outcome = this.nextStart(child.id);
    this.note(`start ${id}`);
    this.alive.add(id);
    self.signal.addEventListener("abort", () => {
      this.alive.delete(id);
      this.note(`down ${id}`);
    });
    if (outcome === "fail") throw "planned";
    if (outcome === "hang") return new Promise(() => undefined);
    if (outcome === "ignore") {
      this.alive.delete(id);
      return "ignore";
    }
    this.refs.set(id, self.ref);
    self.receive(({ exit }) => self.exit(exit));
    const wasAsked = (): boolean => self.signal.reason instanceof SupervisionError && self.signal.reason.reason === "shutdown";
    if (child.stops === "hang") self.onStop(() => (wasAsked() ? new Promise(() => undefined) : undefined));
    if (child.stops === "fail") self.onStop(() => (wasAsked() ? Promise.reject("planned") : undefined));
    return undefined;
  }

  /** The rules of supervision that were broken, with their stories. */
  broken(): string[] {
    return this.checker.violations.map(describeViolation);
  }

  /** The children, oldest first, with their states. */
  children(): string[] {
    return (this.supervisor?.children() ?? []).map(({ id, ref }) => `${id}: ${ref === undefined ? "undefined" : ref === "restarting" ? ref : "running"}`).reverse();
  }

  protected note(text: string): void {
    this.trace.push(`${this.world.now()} ${text}`);
  }
}

const isRef = (value: unknown): value is ActorRef => typeof value === "object" && value !== null && "incarnation" in value;
