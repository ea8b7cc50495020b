import type { Socket } from "node:net";
import type { ProxyCounts, ProxyFaults } from "./fault-proxy.js";

/** What a lane takes from its proxy. */
export interface LaneFate {
  readonly faults: () => ProxyFaults;
  readonly chance: (probability: number | undefined) => boolean;
  readonly below: (n: number) => number;
  readonly counts: ProxyCounts;
  /** Resets the whole connection. */
  readonly cut: () => void;
}

/** More than this is left with the sender. */
const mostQueued = 256 * 1024;
/** A throttled chunk passes in pieces of so many milliseconds. */
const throttleStep = 10;

type Load = Buffer | "end" | "reset";

/** One direction of one connection. */
export class ProxyLane {
  private readonly queue: { readonly load: Load; readonly at: number }[] = [];
  private queued = 0;
  private last = 0;
  private lossesInRow = 0;
  private timer: NodeJS.Timeout | undefined;
  private held = false;
  private swallowing = false;
  private full = false;
  private flipping = false;
  private left = Infinity;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly fate: LaneFate,
  ) {
    from.on("data", (chunk: Buffer) => this.receive(chunk));
    from.once("end", () => this.enqueue("end", performance.now() + (fate.faults().slowClose ?? 0)));
    from.once("error", () => this.enqueue("reset", performance.now()));
    to.once("close", () => this.swallow());
    to.on("drain", () => {
      this.full = false;
      this.pump();
    });
  }

  hold(held: boolean): void {
    this.held = held;
    this.pump();
  }

  swallow(): void {
    this.swallowing = true;
    clearTimeout(this.timer);
    this.queue.length = this.queued = 0;
    this.from.resume();
  }

  truncateAfter(bytes: number): void {
    this.left = bytes;
  }

  flipNext(): void {
    this.flipping = true;
  }

  private receive(chunk: Buffer): void {
    const { counts } = this.fate;
    counts.chunks++;
    counts.bytes += chunk.length;
    if (this.swallowing) return;
    const faults = this.fate.faults();
    if (this.fate.chance(faults.cut)) {
      this.fate.cut();
      return;
    }
    if (this.flipping || this.fate.chance(faults.flip)) this.flip(chunk);
    this.plan(chunk, faults);
  }

  private flip(chunk: Buffer): void {
    this.flipping = false;
    this.fate.counts.flipped++;
    const bit = this.fate.below(chunk.length * 8);
    chunk[bit >> 3] = (chunk[bit >> 3] as number) ^ (1 << (bit & 7));
  }

  /** Says when each piece of a chunk arrives: never before what came earlier. */
  private plan(chunk: Buffer, { delay = 0, jitter = 0, throttle, loss, retransmission = 200 }: ProxyFaults): void {
    let at = performance.now() + delay + (jitter > 0 ? this.fate.below(jitter * 1000) / 1000 : 0);
    if (this.fate.chance(loss)) {
      this.fate.counts.lost++;
      at += retransmission * 2 ** Math.min(6, this.lossesInRow++);
    } else this.lossesInRow = 0;
    at = Math.max(at, this.last);
    const piece = throttle === undefined ? chunk.length : Math.max(1, Math.floor((throttle * throttleStep) / 1000));
    for (let i = 0; i < chunk.length; i += piece) {
      const load = chunk.subarray(i, i + piece);
      if (throttle !== undefined) at += (load.length / throttle) * 1000;
      this.enqueue(load, at);
    }
  }

  private enqueue(load: Load, at: number): void {
    if (this.swallowing) return;
    this.last = Math.max(at, this.last);
    this.queue.push({ load, at: this.last });
    if (typeof load !== "string") this.queued += load.length;
    if (this.queued > mostQueued) this.from.pause();
    this.pump();
  }

  private pump(): void {
    clearTimeout(this.timer);
    while (!this.held && !this.full && this.queue.length > 0) {
      const { load, at } = this.queue[0] as { load: Load; at: number };
      const wait = at - performance.now();
      if (wait > 0) {
        this.timer = setTimeout(() => this.pump(), Math.ceil(wait));
        return;
      }
      this.queue.shift();
      this.pass(load);
    }
  }

  private pass(load: Load): void {
    const { to } = this;
    if (load === "end") to.end();
    else if (load === "reset") to.resetAndDestroy();
    else {
      this.queued -= load.length;
      if (this.queued <= mostQueued / 2 && this.from.isPaused()) this.from.resume();
      const part = load.length > this.left ? load.subarray(0, this.left) : load;
      this.left -= part.length;
      if (part.length > 0 && to.writable) this.full = !to.write(part);
      if (part.length < load.length || this.left === 0) this.truncate();
    }
  }

  private truncate(): void {
    this.fate.counts.truncated++;
    this.swallow();
    this.to.end();
  }
}
