import type { Clock, Timer } from "../../../actors/ports.js";
import type { ManagerMessage } from "../../../state-machines/manager.js";
import type { Presence } from "../presence.js";
import type { KnownManager } from "./types.js";
import type { ManagerNode } from "./node.js";

/** A timer that rings so much later than it should has been held up by this very thread: silence meanwhile proves nothing. */
const stallMs = 250;
/** Pauses between looks at a process. */
const firstLookMs = 5;
const lastLookMs = 100;

/** How long managers have been silent, as far as this thread could have heard them. */
export class Quiet {
  constructor(
    private readonly clock: Clock,
    private readonly tell: (node: ManagerNode, message: ManagerMessage) => void,
    private readonly presence: (manager: KnownManager) => Presence,
  ) {}

  /** So many milliseconds later, in which others could be heard: not while this thread was held up. */
  after(ms: number, act: () => void): Timer {
    const { clock } = this;
    const planned = this.clock.now() + ms;
    let timer = clock.after(ms, () => {
      if (this.clock.now() - planned <= stallMs) act();
      else timer = this.after(ms, act);
    });
    return { cancel: () => timer.cancel() };
  }

  /** Its link has ended. Where its process can be seen, that tells whether it comes back; where not, it has `ms` for it. */
  watchReturn(node: ManagerNode, ms: number, pause = firstLookMs): void {
    const presence = this.presence(node.facts);
    const expire = (): void => this.tell(node, { type: "reconnect.expired" });
    if (presence === "gone") expire();
    else if (presence === "elsewhere") node.reconnectTimer = this.after(ms, expire);
    // A process that was killed is to be seen for a moment after its sockets have gone.
    else node.reconnectTimer = this.clock.after(pause, () => this.watchReturn(node, ms, Math.min(2 * pause, lastLookMs)));
  }

  /** Looks when its last sign would be too long ago; where there was one meanwhile, looks again. */
  watchLease(node: ManagerNode): void {
    const { clock } = this;
    const { waning, lease } = node.context;
    const silent = this.clock.now() - node.heardAt;
    // Times are rounded: never so soon that none passes.
    const due = Math.max(1, silent < waning ? waning - silent : lease - silent);
    const planned = this.clock.now() + due;
    node.leaseTimer = clock.after(due, () => {
      const late = this.clock.now() - planned;
      // What came while this thread was held up is heard first.
      if (late > stallMs) node.heardAt += late;
      const quiet = this.clock.now() - node.heardAt;
      if (quiet >= lease) this.tell(node, { type: "lease.expired" });
      else {
        if (quiet >= waning) this.tell(node, { type: "lease.waned" });
        this.watchLease(node);
      }
    });
  }
}
