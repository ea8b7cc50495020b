import type { Clock } from "../../../actors/ports.js";
import type { Quiet } from "./quiet.js";
import type { InterchangePorts, KnownManager } from "./types.js";

/** How often it is looked whether they can still come, in milliseconds. */
const lookMs = 100;

/** Managers of the interchange before this one: what waits is not given to others before these have said what they have, or cannot come any more. */
export class Awaited {
  private readonly managers: Map<string, KnownManager>;

  constructor(
    managers: readonly KnownManager[],
    private readonly leaseMs: number,
    private readonly ports: InterchangePorts,
    /** Some will not come. */
    private readonly settled: () => void,
  ) {
    this.managers = new Map(managers.map((one) => [one.uid, one]));
  }

  /** After a lease, none that is not back comes; sooner, where `mayLook` and its process is seen to have ended. */
  watch(clock: Clock, quiet: Quiet, mayLook: () => boolean): void {
    if (this.isEmpty) return;
    quiet.after(this.leaseMs, () => this.giveUp([...this.managers.values()]));
    this.look(clock, mayLook);
  }

  get isEmpty(): boolean {
    return this.managers.size === 0;
  }

  hasOf(block: string): boolean {
    return [...this.managers.values()].some((one) => one.block === block);
  }

  /** It is back. Answers whether it was awaited. */
  delete(uid: string): boolean {
    return this.managers.delete(uid);
  }

  private look(clock: Clock, mayLook: () => boolean): void {
    const gone = mayLook() ? [...this.managers.values()].filter((one) => this.ports.presence?.(one) === "gone") : [];
    if (gone.length > 0) this.giveUp(gone);
    if (!this.isEmpty) clock.after(lookMs, () => this.look(clock, mayLook));
  }

  private giveUp(absent: readonly KnownManager[]): void {
    for (const { uid, block, host } of absent) {
      this.ports.event({ t: "manager.lost", uid, block, host, loss: "not-back", silentMs: this.leaseMs });
      this.managers.delete(uid);
    }
    this.settled();
  }
}
