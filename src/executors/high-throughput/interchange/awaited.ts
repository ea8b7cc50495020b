import type { Clock } from "../../../actors/ports.js";
import type { Quiet } from "./quiet.js";
import type { InterchangePorts, KnownManager } from "./types.js";

/** How often it is looked whether they can still come, in milliseconds. */
const lookMs = 100;

/** Managers of the interchange before this one that have not said yet what they have. */
export class Awaited {
  private readonly managers: Map<string, KnownManager>;

  constructor(
    managers: readonly KnownManager[],
    private readonly leaseMs: number,
    private readonly ports: InterchangePorts,
    /** So many will not come. */
    private readonly missing: (count: number) => void,
  ) {
    this.managers = new Map(managers.map((one) => [one.uid, one]));
  }

  get size(): number {
    return this.managers.size;
  }

  hasOf(block: string): boolean {
    return [...this.managers.values()].some((one) => one.block === block);
  }

  /** It is back. Answers whether it was awaited. */
  delete(uid: string): boolean {
    return this.managers.delete(uid);
  }

  /** After a lease, none that is not back comes. */
  awaitReturn(quiet: Quiet): void {
    if (this.size > 0) quiet.after(this.leaseMs, () => this.giveUp([...this.managers.values()]));
  }

  /** None whose process is seen to have ended comes. */
  watchProcesses(clock: Clock): void {
    const gone = [...this.managers.values()].filter((one) => this.ports.presence?.(one) === "gone");
    if (gone.length > 0) this.giveUp(gone);
    if (this.size > 0) clock.after(lookMs, () => this.watchProcesses(clock));
  }

  private giveUp(absent: readonly KnownManager[]): void {
    for (const { uid, block, host } of absent) {
      this.ports.event({ t: "manager.lost", uid, block, host, loss: "not-back", silentMs: this.leaseMs });
      this.managers.delete(uid);
    }
    if (absent.length > 0) this.missing(absent.length);
  }
}
