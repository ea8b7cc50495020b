import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { seededRandom } from "../actors/seeded-random.js";
import { ProxyLane, type LaneFate } from "./proxy-lane.js";

/** What goes wrong on the way. All may be changed while connections are open; it holds for what comes from then on. */
export interface ProxyFaults {
  /** Every chunk takes so many milliseconds, and up to `jitter` more; order is kept. */
  readonly delay?: number;
  readonly jitter?: number;
  /** Bytes a second, in each direction of each connection. */
  readonly throttle?: number;
  /**
   * The probability that a chunk is lost as a packet is lost under TCP: its bytes, and all behind them, come later by the time a sender waits before it
   * sends again (`retransmission`, 200 ms unless given), doubled with each loss in a row.
   */
  readonly loss?: number;
  readonly retransmission?: number;
  /** The probability that a chunk arrives with one bit turned. */
  readonly flip?: number;
  /** The probability, with each chunk, that its connection is reset. */
  readonly cut?: number;
  /** The probability that a new connection is reset at once. */
  readonly drop?: number;
  /** An end, either side's, arrives so many milliseconds late. */
  readonly slowClose?: number;
}

/** The way of bytes: from who connected to the target, back, or both. */
export type Direction = "to-target" | "to-client" | "both";

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Decides all that is left to chance. */
  readonly seed: number;
  readonly faults?: ProxyFaults;
  /** Where it listens: 127.0.0.1, any free port, unless given. */
  readonly host?: string;
  readonly port?: number;
}

export interface ProxyCounts {
  connections: number;
  dropped: number;
  chunks: number;
  bytes: number;
  lost: number;
  flipped: number;
  cut: number;
  truncated: number;
}

/**
 * A TCP proxy that makes a network as bad as wanted, without any rights. The same seed makes the same choices for the same chunks; what a chunk is, is
 * the system's affair. It sees streams, not packets: it cannot reorder, duplicate or lose bytes, since TCP hides that from both ends; a loss is a stall.
 * While partitioned it still accepts connections, as it cannot keep the system from doing so, and they stay silent.
 */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  readonly address: string;
  readonly seed: number;
  readonly counts: Readonly<ProxyCounts>;
  /** Connections that are open now. */
  readonly open: number;
  faults: ProxyFaults;
  /** Nothing passes until it is healed; then everything does, late. New connections wait. */
  partition(direction?: Direction): void;
  heal(): void;
  /** From now on bytes of the open connections vanish, as do their ends: neither side is told. */
  halfOpen(direction?: Direction): void;
  /** Lets so many more bytes pass on each open connection, and then ends it there. */
  truncateAfter(bytes: number, direction?: Direction): void;
  /** The same, of the next connection. */
  truncateNext(bytes: number, direction?: Direction): void;
  /** Turns one bit of the next chunk of each open connection. */
  flipNext(direction?: Direction): void;
  /** Ends all open connections, on both sides: by a reset, or by an orderly end. */
  cut(how?: "reset" | "end"): void;
  /** For a test's output: what runs, with its seed. */
  describe(): string;
  close(): Promise<void>;
}

export function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.host ?? "127.0.0.1", port: options.port ?? 0 }, () => resolve(new Proxy(server, options)));
  });
}

interface Passage {
  readonly client: Socket;
  readonly target: Socket;
  readonly lanes: { readonly "to-target": ProxyLane; readonly "to-client": ProxyLane };
}

const directions = ["to-target", "to-client"] as const;

class Proxy implements FaultProxy {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  readonly counts: ProxyCounts = { connections: 0, dropped: 0, chunks: 0, bytes: 0, lost: 0, flipped: 0, cut: 0, truncated: 0 };
  faults: ProxyFaults;
  private readonly passages = new Set<Passage>();
  /** Accepted during a partition, and not connected to the target yet. */
  private readonly waiting = new Set<Socket>();
  private readonly held = { "to-target": false, "to-client": false };
  private truncation: { readonly bytes: number; readonly direction: Direction } | undefined;
  private readonly random: ReturnType<typeof seededRandom>;

  constructor(
    private readonly server: Server,
    private readonly options: FaultProxyOptions,
  ) {
    const { address, port } = server.address() as AddressInfo;
    this.host = address;
    this.port = port;
    this.seed = options.seed;
    this.faults = options.faults ?? {};
    this.random = seededRandom(options.seed);
    server.on("connection", (client) => this.accept(client));
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get open(): number {
    return this.passages.size + this.waiting.size;
  }

  partition(direction: Direction = "both"): void {
    for (const each of named(direction)) this.held[each] = true;
    this.spread();
  }

  heal(): void {
    this.held["to-target"] = this.held["to-client"] = false;
    for (const client of this.waiting) this.join(client);
    this.waiting.clear();
    this.spread();
  }

  halfOpen(direction: Direction = "both"): void {
    this.each(direction, (lane) => lane.swallow());
  }

  truncateAfter(bytes: number, direction: Direction = "both"): void {
    this.each(direction, (lane) => lane.truncateAfter(bytes));
  }

  truncateNext(bytes: number, direction: Direction = "both"): void {
    this.truncation = { bytes, direction };
  }

  flipNext(direction: Direction = "both"): void {
    this.each(direction, (lane) => lane.flipNext());
  }

  cut(how: "reset" | "end" = "reset"): void {
    for (const { client, target } of this.passages) {
      for (const socket of [client, target]) {
        if (how === "reset") socket.resetAndDestroy();
        else socket.destroySoon();
      }
    }
    for (const client of this.waiting) client.destroy();
  }

  describe(): string {
    const held = directions.filter((direction) => this.held[direction]);
    const { host, port } = this.options.target;
    return `fault proxy ${this.address} -> ${host}:${port}, seed ${this.seed}, faults ${JSON.stringify(this.faults)}${held.length === 0 ? "" : `, partitioned ${held.join(" and ")}`}, ${JSON.stringify(this.counts)}`;
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const { client, target } of this.passages) {
      client.destroy();
      target.destroy();
    }
    for (const client of this.waiting) client.destroy();
    return closed;
  }

  private accept(client: Socket): void {
    this.counts.connections++;
    client.on("error", () => undefined);
    if (this.chance(this.faults.drop)) {
      this.counts.dropped++;
      client.resetAndDestroy();
    } else if (this.held["to-target"] || this.held["to-client"]) {
      this.waiting.add(client);
      client.once("close", () => this.waiting.delete(client));
    } else this.join(client);
  }

  private join(client: Socket): void {
    const target = connect({ ...this.options.target, allowHalfOpen: true, noDelay: true });
    const fate = this.fateOf(client, target);
    const passage = { client, target, lanes: { "to-target": new ProxyLane(client, target, fate), "to-client": new ProxyLane(target, client, fate) } };
    this.passages.add(passage);
    const { truncation } = this;
    this.truncation = undefined;
    if (truncation !== undefined) for (const direction of named(truncation.direction)) passage.lanes[direction].truncateAfter(truncation.bytes);
    let open = 2;
    for (const socket of [client, target]) {
      socket.once("close", () => {
        if (--open === 0) this.passages.delete(passage);
      });
    }
  }

  private fateOf(client: Socket, target: Socket): LaneFate {
    return {
      faults: () => this.faults,
      chance: (probability) => this.chance(probability),
      below: (n) => this.random.below(n),
      counts: this.counts,
      cut: () => {
        this.counts.cut++;
        client.resetAndDestroy();
        target.resetAndDestroy();
      },
    };
  }

  private chance(probability = 0): boolean {
    return probability > 0 && this.random.next() < probability;
  }

  private each(direction: Direction, act: (lane: ProxyLane) => void): void {
    for (const { lanes } of this.passages) for (const each of named(direction)) act(lanes[each]);
  }

  private spread(): void {
    for (const { lanes } of this.passages) for (const direction of directions) lanes[direction].hold(this.held[direction]);
  }
}

const named = (direction: Direction): readonly ("to-target" | "to-client")[] => (direction === "both" ? directions : [direction]);
