import type { Clock, Ids, Ports, Random, Scheduler } from "../actors/ports.js";

/** Ports of a process that can stand still (SIGSTOP) or end (SIGKILL) while the rest of the world goes on. */
export class PausablePorts implements Ports {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly ids: Ids;
  state: "running" | "paused" | "dead" = "running";
  /** When it last went on after it had stood still. */
  resumedAt = -Infinity;
  private behind: (() => void)[] = [];

  constructor(private readonly ports: Ports) {
    const { clock, scheduler } = ports;
    this.random = ports.random;
    this.ids = ports.ids;
    this.clock = {
      now: () => clock.now(),
      wall: () => clock.wall(),
      after: (ms, fire) => {
        let cancelled = false;
        const timer = clock.after(ms, this.gate(() => cancelled || fire()));
        return {
          cancel: () => {
            cancelled = true;
            timer.cancel();
          },
        };
      },
    };
    this.scheduler = { soon: (run) => scheduler.soon(this.gate(run)), later: (run) => scheduler.later(this.gate(run)) };
  }

  get isAlive(): boolean {
    return this.state !== "dead";
  }

  /** The same, as soon as the process runs; never where it has ended. */
  gate<A extends readonly unknown[]>(run: (...given: A) => unknown): (...given: A) => void {
    return (...given) => {
      if (this.state === "running") run(...given);
      else if (this.state === "paused") this.behind.push(() => run(...given));
    };
  }

  pause(): void {
    if (this.state === "running") this.state = "paused";
  }

  /** What came due meanwhile happens now, in its order. */
  resume(): void {
    if (this.state !== "paused") return;
    this.state = "running";
    this.resumedAt = this.clock.now();
    const { behind } = this;
    this.behind = [];
    for (const run of behind) this.ports.scheduler.later(this.gate(run));
  }

  kill(): void {
    this.state = "dead";
    this.behind = [];
  }
}
