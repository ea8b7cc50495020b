import type { Transferable } from "node:worker_threads";
import type { Ports } from "../ports.js";

/** One end of a link: messages in order, each at most once, while the link is whole. */
export interface LinkPort<Out = unknown, In = unknown> {
  /** Sends to the other end. After the link was closed it goes nowhere, and is counted. What is `moved` is not copied, where the link copies at all. */
  post(message: Out, moved?: readonly Transferable[]): void;
  /** Bytes that were posted and are not known to be at the other end, where that is counted. */
  readonly backlog?: number;
  /** Who receives; messages that came before wait for it. One receiver at a time. */
  onMessage(handler: (message: In) => void): void;
  /** Called once, when either end closes the link; at once where it is closed already. */
  onClose(handler: () => void): void;
  close(): void;
}

/** What goes wrong on the way, each with a probability from 0 to 1. All is drawn from the ports' random numbers, so a seed says it all. */
export interface LinkFaults {
  readonly loss?: number;
  /** A second copy arrives, with a delay of its own. */
  readonly duplication?: number;
  /** A message is held back by up to `hold` milliseconds, and those behind it overtake it. */
  readonly reordering?: number;
  readonly hold?: number;
  /** Every message takes from `delay[0]` to `delay[1]` milliseconds. */
  readonly delay?: readonly [number, number];
}

export interface LinkCounts {
  posted: number;
  delivered: number;
  lost: number;
  duplicated: number;
  reordered: number;
}

export interface InMemoryLink<A, B> {
  readonly left: LinkPort<A, B>;
  readonly right: LinkPort<B, A>;
  readonly counts: LinkCounts;
  /** May be changed while messages are on their way; it holds for those posted from then on. */
  faults: LinkFaults;
  /** While partitioned, what is posted is lost; `towards` says in which direction. */
  partition(towards: "left" | "right" | "both" | "none"): void;
}

/** A link between two parts of one process. Nothing is delivered within `post`. */
export function inMemoryLink<A = unknown, B = unknown>(ports: Ports, faults: LinkFaults = {}): InMemoryLink<A, B> {
  return new Link<A, B>(ports, faults);
}

class Link<A, B> implements InMemoryLink<A, B> {
  readonly counts: LinkCounts = { posted: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0 };
  readonly left: End<A, B>;
  readonly right: End<B, A>;
  closed = false;
  private cut: "left" | "right" | "both" | "none" = "none";

  constructor(
    readonly ports: Ports,
    public faults: LinkFaults,
  ) {
    this.left = new End<A, B>(this, () => this.cut === "both" || this.cut === "right", () => this.right);
    this.right = new End<B, A>(this, () => this.cut === "both" || this.cut === "left", () => this.left);
  }

  partition(towards: "left" | "right" | "both" | "none"): void {
    this.cut = towards;
  }

  chance(probability: number | undefined): boolean {
    return probability !== undefined && probability > 0 && this.ports.random.next() < probability;
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const end of [this.left, this.right]) this.ports.scheduler.soon(() => end.ended());
  }
}

class End<Out, In> implements LinkPort<Out, In> {
  private handler: ((message: In) => void) | undefined;
  private readonly early: In[] = [];
  private closers: (() => void)[] = [];
  private lastArrival = 0;

  constructor(
    private readonly link: { readonly ports: Ports; readonly faults: LinkFaults; readonly counts: LinkCounts; readonly closed: boolean; chance(p: number | undefined): boolean; close(): void },
    private readonly isCut: () => boolean,
    private readonly other: () => End<In, Out>,
  ) {}

  post(message: Out): void {
    const { link } = this;
    const { counts, faults } = link;
    counts.posted++;
    if (link.closed || this.isCut() || link.chance(faults.loss)) {
      counts.lost++;
      return;
    }
    this.send(message);
    if (link.chance(faults.duplication)) {
      counts.duplicated++;
      this.send(message);
    }
  }

  onMessage(handler: (message: In) => void): void {
    this.handler = handler;
    this.link.ports.scheduler.soon(() => {
      for (const message of this.early.splice(0)) this.hand(message);
    });
  }

  onClose(handler: () => void): void {
    if (this.link.closed) this.link.ports.scheduler.soon(handler);
    else this.closers.push(handler);
  }

  close(): void {
    this.link.close();
  }

  ended(): void {
    for (const closer of this.closers.splice(0)) closer();
  }

  private send(message: Out): void {
    const { ports, faults, counts } = this.link;
    const { clock, random, scheduler } = ports;
    const deliver = (): void => this.other().receive(message);
    const [least, most] = faults.delay ?? [0, 0];
    let arrival = clock.now() + least + (most > least ? random.next() * (most - least) : 0);
    if (this.link.chance(faults.reordering)) {
      counts.reordered++;
      arrival += random.next() * (faults.hold ?? 10);
    } else {
      arrival = Math.max(arrival, this.lastArrival);
      this.lastArrival = arrival;
    }
    const wait = arrival - clock.now();
    if (wait > 0) clock.after(wait, deliver);
    else scheduler.soon(deliver);
  }

  private receive(message: In): void {
    const { counts, closed } = this.link;
    if (closed) {
      counts.lost++;
      return;
    }
    if (this.handler === undefined || this.early.length > 0) {
      this.early.push(message);
      return;
    }
    this.hand(message);
  }

  private hand(message: In): void {
    this.link.counts.delivered++;
    this.handler?.(message);
  }
}
