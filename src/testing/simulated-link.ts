import type { Frame } from "../actors/links/frames.js";
import type { HeadLink } from "../executors/high-throughput/manager/manager.js";
import type { ManagerLink } from "../executors/high-throughput/interchange/serve-manager.js";
import type { Random } from "../actors/ports.js";
import { within, type Span } from "./faults.js";
import type { PausablePorts } from "./pausable-ports.js";
import type { SimulatedPorts } from "../actors/simulated-ports.js";

type Event = Omit<Frame, "sequence"> | "closed";

/** One direction of a connection: in order, each after a delay; while it is blocked everything waits, as it does in TCP. */
class Direction {
  blocked = false;
  private readonly waiting: Event[] = [];
  private readonly early: Event[] = [];
  private last = 0;
  private sequence = 0;
  private handler: ((frame: Frame) => void) | undefined;
  private readonly closers: (() => void)[] = [];
  private over = false;

  constructor(
    private readonly ports: SimulatedPorts,
    private readonly random: Random,
    private readonly way: Span,
    private readonly to: PausablePorts,
  ) {}

  send(event: Event): void {
    const { clock } = this.ports;
    this.waiting.push(event);
    this.last = Math.max(this.last, clock.now() + within(this.way, this.random));
    clock.after(this.last - clock.now(), () => this.arrive());
  }

  onFrame(handler: (frame: Frame) => void): void {
    this.handler = handler;
    for (const event of this.early.splice(0)) this.ports.scheduler.soon(this.to.gate(() => this.hand(event)));
  }

  onClose(handler: () => void): void {
    if (this.over) this.ports.scheduler.soon(this.to.gate(handler));
    else this.closers.push(handler);
  }

  heal(): void {
    this.blocked = false;
    for (let left = this.held; left > 0; left--) this.arrive();
  }
  private held = 0;

  /** This end closed it itself: nothing more comes, and its own side is told. */
  close(): void {
    this.end();
  }

  private arrive(): void {
    if (this.blocked) {
      this.held++;
      return;
    }
    if (this.held > 0) this.held--;
    const event = this.waiting.shift();
    if (event !== undefined) this.to.gate(() => this.hand(event))();
  }

  private hand(event: Event): void {
    if (this.over) return;
    if (event === "closed") this.end();
    else if (this.handler === undefined) this.early.push(event);
    else this.handler({ ...event, sequence: ++this.sequence });
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    for (const closer of this.closers.splice(0)) this.ports.scheduler.soon(this.to.gate(closer));
  }
}

export interface SimulatedLinkSetting {
  readonly ports: SimulatedPorts;
  readonly random: Random;
  readonly way: Span;
  readonly identity: string;
  /** The processes at both ends. */
  readonly head: PausablePorts;
  readonly manager: PausablePorts;
}

/** A connection of a manager to its interchange. */
export class SimulatedLink {
  readonly toHead: Direction;
  readonly toManager: Direction;
  readonly head: ManagerLink;
  readonly manager: HeadLink;
  closed = false;
  /** Why the head's side destroyed it, where it did. */
  destroyed: string | undefined;

  constructor({ ports, random, way, identity, head, manager }: SimulatedLinkSetting) {
    this.toHead = new Direction(ports, random, way, head);
    this.toManager = new Direction(ports, random, way, manager);
    const closeFrom = (own: Direction, other: Direction): void => {
      if (this.closed) return;
      this.closed = true;
      own.close();
      other.send("closed");
    };
    const sender = (way: Direction) => (type: number, header: Uint8Array, payload: readonly Uint8Array[] = []): void => {
      // In memory of their own, as they would come out of a socket.
      if (!this.closed) way.send({ type, header: header.slice(), payload: Uint8Array.from(Buffer.concat(payload)) });
    };
    this.head = {
      identity, backlog: 0,
      send: sender(this.toManager),
      onFrame: (handler) => this.toHead.onFrame(handler),
      onClose: (handler) => this.toHead.onClose(handler),
      onDrain: () => undefined,
      close: () => closeFrom(this.toHead, this.toManager),
      destroy: (reason) => {
        this.destroyed = reason;
        closeFrom(this.toHead, this.toManager);
      },
    };
    this.manager = {
      send: sender(this.toHead),
      onFrame: (handler) => this.toManager.onFrame(handler),
      onClose: (handler) => this.toManager.onClose(handler),
      close: () => Promise.resolve(closeFrom(this.toManager, this.toHead)),
    };
  }

  /** Both sides learn of it, each in its time. What is on its way is lost. */
  cut(): void {
    if (this.closed) return;
    this.closed = true;
    this.toHead.close();
    this.toManager.close();
  }

  /** The process at one end has ended: the other learns of it as soon as anything gets through. */
  abandon(by: "head" | "manager"): void {
    if (this.closed) return;
    this.closed = true;
    (by === "head" ? this.toManager : this.toHead).send("closed");
  }

  block(towards: "head" | "manager" | "both"): void {
    if (towards !== "manager") this.toHead.blocked = true;
    if (towards !== "head") this.toManager.blocked = true;
  }

  heal(): void {
    this.toHead.heal();
    this.toManager.heal();
  }
}
