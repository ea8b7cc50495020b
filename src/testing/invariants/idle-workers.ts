import type { TransitionRecord } from "../../actors/dispatcher.js";
import type { Deadlines } from "./deadlines.js";
import { isOf, taskKeys, type Entry, type Finding, type RunFacts } from "./invariant.js";

/** One incarnation of a pool of threads. */
interface Place {
  readonly address: string;
  /** It sends what waits. */
  sends: boolean;
  /** Threads that could run something, and those among them that run nothing. */
  open: number;
  idle: number;
  /** Attempts that are out at its workers. */
  out: number;
  readonly queued: Set<string>;
}

const addressOf = (label: string, incarnation: number): string => (incarnation === 1 ? label : `${label}#${incarnation}`);
const keyOf = ({ address }: Place): string => `idle/${address}`;
const isOpen = (state: string | undefined): boolean => state === "idle" || state === "busy";

/** What waits in the queue of a pool while workers of it have nothing to do. Queues elsewhere are not seen from here. */
export class IdleWorkers {
  private readonly places = new Map<string, Place>();
  /** The newest address of each label. */
  private readonly addresses = new Map<string, string>();
  private readonly attempts = new Map<string, Place>();

  constructor(
    private readonly facts: RunFacts,
    private readonly deadlines: Deadlines<Finding>,
  ) {}

  see(entry: Entry): void {
    const place = isOf(entry, "thread") ? this.thread(entry) : isOf(entry, "attempt") ? this.attempt(entry) : isOf(entry, "executor") ? this.executor(entry) : undefined;
    if (place !== undefined) this.judge(place, entry.at);
  }

  /** What is left of it then is not seen to end. */
  forget(task: number | string, attempts: number): void {
    for (let attempt = 1; attempt <= attempts; attempt++) this.drop(`${task}#${attempt}`);
  }

  private drop(key: string): void {
    const place = this.attempts.get(key);
    if (place === undefined) return;
    this.attempts.delete(key);
    if (!place.queued.delete(key)) place.out--;
  }

  private executor({ id, incarnation, to, final, outcome }: TransitionRecord): Place {
    const address = addressOf(String(id), incarnation);
    const place = this.place(address);
    place.sends = (to === "running" || to === "degraded") && outcome !== "crashed";
    if (outcome === "started") this.addresses.set(String(id), address);
    if (final) this.places.delete(address);
    return place;
  }

  private thread({ id, from, to, outcome }: TransitionRecord): Place {
    const place = this.place(String(id).slice(0, String(id).lastIndexOf("/")));
    const state = outcome === "crashed" ? "gone" : to;
    place.open += Number(isOpen(state)) - Number(isOpen(from));
    place.idle += Number(state === "idle") - Number(from === "idle");
    return place;
  }

  private attempt({ id, incarnation, to, final, outcome }: TransitionRecord): Place | undefined {
    const key = `${id}#${incarnation}`;
    if (outcome === "started") {
      const address = this.addresses.get(this.facts.executor?.(id as number) ?? "");
      if (address !== undefined) this.attempts.set(key, this.place(address));
    }
    const place = this.attempts.get(key);
    if (place === undefined) return undefined;
    if (final || outcome === "crashed") this.drop(key);
    else if (to !== "queued" && (place.queued.delete(key) || outcome === "started")) place.out++;
    else if (to === "queued" && !place.queued.has(key)) {
      place.queued.add(key);
      if (outcome !== "started") place.out--;
    }
    return place;
  }

  private place(address: string): Place {
    let place = this.places.get(address);
    if (place === undefined) this.places.set(address, (place = { address, sends: false, open: 0, idle: 0, out: 0, queued: new Set() }));
    return place;
  }

  /** With fewer attempts out than there are threads, one has nothing to do and is sent what waits. */
  private judge(place: Place, at: number): void {
    const { sends, open, idle, out, queued } = place;
    const key = keyOf(place);
    if (!sends || idle === 0 || out >= open || queued.size === 0) this.deadlines.settle(key);
    else if (!this.deadlines.owes(key)) {
      const [first = ""] = queued;
      const task = first.slice(0, first.indexOf("#"));
      this.deadlines.owe(key, at, { detail: `task ${task} waited in the queue of "${place.address}" all the time, ${idle} of whose workers had nothing to do`, involved: [...taskKeys(task), `executor/${place.address.replace(/#\d+$/, "")}`] });
    }
  }
}
