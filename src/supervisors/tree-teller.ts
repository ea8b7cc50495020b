import type { Services } from "./services.js";

/** Milliseconds between two tellings: so many, and more for each node of the last. */
const least = 100;
const each = 0.1;

/** Tells of a tree that changes: at once after some quiet, else when the last telling is some time ago; a large tree less often than a small one. */
export class TreeTeller {
  private stale = false;
  private resting = false;

  constructor(
    private readonly services: Services,
    /** Gives how many nodes it told of. */
    private readonly tell: () => number,
  ) {}

  changed(): void {
    if (this.stale) return;
    this.stale = true;
    if (!this.resting) this.services.ports.scheduler.soon(() => this.told());
  }

  private told(): void {
    this.stale = false;
    this.resting = true;
    this.services.ports.clock.after(least + each * this.tell(), () => {
      this.resting = false;
      if (this.stale) this.told();
    });
  }
}
