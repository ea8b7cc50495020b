import { inMemoryLink, type InMemoryLink, type LinkFaults } from "../actors/links/in-memory.js";
import { seededRandom } from "../actors/seeded-random.js";
import { promisesTurn, simulatedPorts, type SimulatedPorts } from "../actors/simulated-ports.js";
import { durationFault, parseDuration } from "../config/units.js";
import { isAddressable } from "./addressable.js";
import { LinkedRef, type LinkedAnswer, type LinkedMessage } from "./linked-ref.js";
import { LogicalRef } from "./logical-ref.js";
import { refusal } from "./refusal.js";
import { traceTo } from "./simulation-trace.js";
import { ActorSystem } from "./system.js";
import type { ActorRef, Duration } from "./types.js";

/** An actor over a link: the ref passes all messages through it. The link's `left` is the side of the ref, its `right` that of the actor. */
export interface Connection {
  readonly ref: ActorRef;
  readonly link: InMemoryLink<LinkedMessage, LinkedAnswer>;
}

/** What goes wrong at moments that the seed draws. */
export interface Chaos {
  /** All moments lie within this time from now. */
  readonly within: Duration;
  /** How often one of `actors` crashes: 0. */
  readonly crashes?: number;
  /** Asked when one is to crash; those that do not run then are left out. */
  readonly actors?: () => readonly ActorRef[];
  /** How often one of `links` is cut, in one direction or both, for up to `cutFor` (1 s): 0. */
  readonly cuts?: number;
  readonly links?: readonly Pick<InMemoryLink<unknown, unknown>, "partition">[];
  readonly cutFor?: Duration;
}

const enough = 1_000_000;

/**
 * Actor systems in a world of their own: time passes only by events, and all that happens is a function of the seed.
 * Nothing moves but by `step`, `advance`, `until` and `settle`.
 */
export class Simulation {
  readonly ports: SimulatedPorts;
  readonly system: ActorSystem;
  private readonly systems: ActorSystem[] = [];
  private readonly traces: string[][] = [];
  /** Apart from the numbers that the actors draw, so that faults do not change these. */
  private readonly fate: ReturnType<typeof seededRandom>;

  constructor(
    readonly seed: number,
    name = "simulation",
  ) {
    if (!Number.isSafeInteger(seed)) throw refusal("invalid_seed", `the seed of a simulation must be a whole number, but is ${String(seed)}`);
    this.ports = simulatedPorts(seed);
    this.fate = seededRandom(seed ^ 0xfa7e);
    this.system = this.createSystem(name);
  }

  /** Milliseconds since the beginning. */
  get now(): number {
    return this.ports.clock.now();
  }

  /** Another system in the same world. */
  createSystem(name: string): ActorSystem {
    const system = new ActorSystem({ name, ports: this.ports });
    this.systems.push(system);
    for (const lines of this.traces) traceTo(lines, system);
    return system;
  }

  /** Lets one thing happen, with all that promises make of it; false where nothing is left to happen. */
  async step(): Promise<boolean> {
    await promisesTurn();
    const happened = this.ports.step();
    await promisesTurn();
    return happened;
  }

  /** Lets everything happen, however long it takes in simulated time. Throws a `RangeError` where there is no end of it. */
  settle(maxEvents = enough): Promise<void> {
    return this.ports.settle(maxEvents);
  }

  /** Lets everything happen of the next `time`, and moves on to its end. */
  async advance(time: Duration): Promise<void> {
    await this.ports.settleFor(milliseconds("the time to advance", time));
  }

  /** Lets things happen until the promise has settled, and no longer. Rejects where nothing is left to happen before. */
  async until<T>(promise: PromiseLike<T>): Promise<T> {
    let settled = false;
    const note = (): void => void (settled = true);
    promise.then(note, note);
    await promisesTurn();
    for (let idle = 0; !(settled as boolean); await promisesTurn()) {
      if (this.ports.step()) idle = 0;
      else if (++idle > 3) throw new Error(`nothing is left to happen at ${this.now} ms of the simulation with seed ${this.seed}, and what was waited for has not settled`);
    }
    return promise;
  }

  /** Does something at a time from now. */
  at(time: Duration, act: () => void): void {
    this.ports.clock.after(milliseconds("the time to act", time), act);
  }

  /** A ref to an actor over a link with faults: as if it lived on another machine. */
  connect(ref: ActorRef, faults: LinkFaults = {}): Connection {
    if (!isAddressable(ref)) throw refusal("invalid_ref", "connect needs a ref of an actor");
    const link = this.link<LinkedMessage, LinkedAnswer>(faults);
    return { ref: new LinkedRef(ActorSystem.servicesOf(this.system), ref, link), link };
  }

  /** A link with faults, for a protocol of your own. */
  link<A = unknown, B = unknown>(faults: LinkFaults = {}): InMemoryLink<A, B> {
    checkFaults(faults);
    return inMemoryLink<A, B>(this.ports, faults);
  }

  /** Ends the present incarnation at once, without its clean-ups: by a kill, or with `{ error }`. Its supervisor does what it does. */
  crash(ref: ActorRef, error?: unknown): void {
    if (!(ref instanceof LogicalRef)) throw refusal("invalid_ref", "crash needs a ref of an actor of a simulated system");
    ref.crash(error === undefined ? "killed" : { error });
  }

  /** Faults at moments that the seed draws. As many as it says, and then no more: the system comes to rest. */
  chaos({ within, crashes = 0, actors = () => [], cuts = 0, links = [], cutFor = "1s" }: Chaos): void {
    const ms = milliseconds("within", within);
    const longest = milliseconds("cutFor", cutFor);
    for (const [what, count] of [["crashes", crashes], ["cuts", cuts]] as const) if (!Number.isSafeInteger(count) || count < 0) throw refusal("invalid_chaos", `${what} must be a whole number from 0 up, but is ${String(count)}`);
    for (let n = 0; n < crashes; n++) this.ports.clock.after(this.fate.next() * ms, () => this.crashOneOf(actors()));
    for (let n = 0; n < cuts && links.length > 0; n++) {
      const link = links[this.fate.below(links.length)];
      const towards = (["left", "right", "both"] as const)[this.fate.below(3)] ?? "both";
      const mended = this.fate.next() * longest;
      this.ports.clock.after(this.fate.next() * ms, () => {
        link?.partition(towards);
        this.ports.clock.after(mended, () => link?.partition("none"));
      });
    }
  }

  /** From now on, every message, step and dead letter as a line. The same seed gives the same lines. */
  trace(): readonly string[] {
    const lines: string[] = [];
    this.traces.push(lines);
    for (const system of this.systems) traceTo(lines, system);
    return lines;
  }

  private crashOneOf(refs: readonly ActorRef[]): void {
    const draw = this.fate.next();
    const alive = refs.filter((ref) => ref.alive);
    const ref = alive[Math.floor(draw * alive.length)];
    if (ref !== undefined) this.crash(ref);
  }
}

function milliseconds(what: string, time: Duration): number {
  const fault = durationFault(time);
  if (fault !== undefined) throw refusal("invalid_time", `${what} ${fault}`);
  return parseDuration(time, what);
}

function checkFaults(faults: LinkFaults): void {
  const { delay = [0, 0], hold = 0 } = faults;
  for (const name of Object.keys(faults)) if (!["loss", "duplication", "reordering", "hold", "delay"].includes(name)) throw refusal("invalid_faults", `a link has no fault ${JSON.stringify(name)}; there are loss, duplication, reordering, hold, delay`);
  for (const name of ["loss", "duplication", "reordering"] as const) {
    const probability: unknown = faults[name] ?? 0;
    if (typeof probability !== "number" || !(probability >= 0 && probability <= 1)) throw refusal("invalid_faults", `${name} must be a probability from 0 to 1, but is ${String(probability)}`);
  }
  if (!(hold >= 0) || hold === Infinity) throw refusal("invalid_faults", `hold must be milliseconds from 0 up, but is ${String(hold)}`);
  if (!(delay[0] >= 0 && delay[1] >= delay[0] && delay[1] < Infinity)) throw refusal("invalid_faults", `delay must be [least, most] in milliseconds, but is [${delay.join(", ")}]`);
}

/** An actor system on simulated time and randomness, with all it takes to test actors: the same seed gives the same run. */
export function simulate(seed: number, name?: string): Simulation {
  return new Simulation(seed, name);
}
