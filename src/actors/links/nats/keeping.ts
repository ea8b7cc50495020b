import { messages, type MessageKind, type Opened } from "./seal.js";

/** A message lies in the slot of its number modulo this, at the servers too: so many of one way may be on their way, and nothing is overwritten that the other side has not. */
export const slots = 64;
/** Room is left for what says what has arrived: two ends that both wait for that to send it would wait for ever. And for the end. */
const roomFor: Readonly<Record<MessageKind, number>> = { [messages.data]: slots - 16, [messages.alive]: slots - 16, [messages.window]: slots - 6, [messages.have]: slots - 2, [messages.end]: slots };
/** So many come before it is said that they have. */
const toldEvery = slots / 4;
/** Or so long after the first of them, in milliseconds. */
const toldAfter = 100;
/** After so long a message that the other side has not said to have is said again, doubled each time; in milliseconds. What says what has arrived is answered to once a second only. */
const repeatAfter = { first: 500, firstOfControl: 2_000, most: 4_000 };
/** So often it is looked at what is due; so many are said again at a time. */
const lookEvery = 250;
const mostAtOnce = 16;
/** So many are asked for ahead of what is known to exist. */
const askedAhead = 8;
/** So many seconds one may be missing while others come. */
const mostStuck = 10;

interface Sent {
  readonly bytes: Uint8Array;
  due: number;
  pause: number;
}

/** What it is about. */
export interface KeepingWay {
  readonly isUp: boolean;
  /** Says a message, for the first time or again. */
  send(number: number, bytes: Uint8Array): void;
  /** Asks the servers for a message of the other side. */
  fetch(number: number): void;
  /** Something came and was not acknowledged for a while. */
  tell(): void;
}

/**
 * The part of a session that lets it go on where messages were lost: each is kept, here and at the servers, until the other side has said that it has it. What
 * is missing is asked for at the servers, and said again by its sender where they do not have it.
 */
export class Keeping {
  /** Numbers of what was sent and is not acknowledged are `acknowledged + 1` to `last`. */
  private readonly sent = new Map<number, Sent>();
  private last = 0;
  private acknowledged = 0;
  private readonly early = new Map<number, Opened>();
  /** The highest number that came. */
  newest = 0;
  private expected = 1;
  private told = 0;
  private asked = 0;
  private hasHeard = false;
  private quietFor = 0;
  private stuckAt = 0;
  private stuckFor = 0;
  private missingAskedAt = 0;
  private looking: NodeJS.Timeout | undefined;
  private telling: NodeJS.Timeout | undefined;

  constructor(
    private readonly way: KeepingWay,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Whether one more may be said. */
  hasRoom(kind: MessageKind): boolean {
    return this.last - this.acknowledged < roomFor[kind];
  }

  /** The other side has all up to this number. */
  get has(): number {
    return this.expected - 1;
  }

  /** Messages that came and were not acknowledged. */
  get untold(): number {
    return this.has - this.told;
  }

  say(kind: MessageKind, bytes: Uint8Array): void {
    const number = ++this.last;
    const pause = kind === messages.data || kind === messages.end ? repeatAfter.first : repeatAfter.firstOfControl;
    this.sent.set(number, { bytes, due: this.now() + pause, pause });
    if (kind === messages.have) {
      this.told = this.has;
      clearTimeout(this.telling);
      this.telling = undefined;
    }
    this.way.send(number, bytes);
    this.look();
  }

  /** The other side has all up to this number. */
  acknowledge(number: number): void {
    if (number > this.last) return;
    for (; this.acknowledged < number; this.acknowledged++) this.sent.delete(this.acknowledged + 1);
  }

  /** One came; false where its number is far beyond all that may be on its way. */
  heard(opened: Opened): boolean {
    const number = Number(opened.sequence);
    this.hasHeard = true;
    if (number < this.expected) return true;
    if (number >= this.expected + slots) return false;
    const wasWhole = this.early.size === 0;
    this.early.set(number, opened);
    this.newest = Math.max(this.newest, number);
    if (wasWhole && number > this.expected) this.askForMissing();
    return true;
  }

  /** The next in order, where it is there. */
  next(): Opened | undefined {
    const opened = this.early.get(this.expected);
    if (opened === undefined) return undefined;
    this.early.delete(this.expected++);
    if (opened.kind === messages.data) this.telling ??= setTimeout(() => this.way.tell(), toldAfter).unref();
    if (this.untold >= toldEvery) this.way.tell();
    return opened;
  }

  /** What was asked for came: there may be more. */
  askOn(): void {
    for (let number = Math.max(this.expected, this.asked + 1); number < this.expected + askedAhead; number++) this.ask(number);
  }

  /** There is a server again: what was on its way may not have come, either way. */
  resume(): void {
    for (const one of this.sent.values()) one.due = this.now();
    this.repair();
    this.asked = this.has;
    this.askOn();
    this.askForMissing();
  }

  /** Each second. False where a message has been missing for too long while others came. */
  second(): boolean {
    this.quietFor = this.hasHeard ? 0 : this.quietFor + 1;
    if (this.quietFor >= 2) {
      // What its sender cannot say again, because it is away, the servers may have.
      this.asked = this.has;
      this.ask(this.expected);
    }
    this.stuckFor = this.early.size > 0 && this.stuckAt === this.expected ? this.stuckFor + (this.hasHeard ? 1 : 0) : 0;
    this.stuckAt = this.expected;
    this.hasHeard = false;
    return this.stuckFor < mostStuck;
  }

  stop(): void {
    clearTimeout(this.looking);
    clearTimeout(this.telling);
    this.looking = this.telling = undefined;
    this.sent.clear();
    this.early.clear();
  }

  private ask(number: number): void {
    this.asked = Math.max(this.asked, number);
    this.way.fetch(number);
  }

  private askForMissing(): void {
    this.missingAskedAt = this.now();
    for (let number = this.expected; number < this.newest; number++) if (!this.early.has(number)) this.ask(number);
    this.look();
  }

  private look(): void {
    this.looking ??= setTimeout(() => {
      this.looking = undefined;
      this.repair();
      if (this.sent.size > 0 || this.early.size > 0) this.look();
    }, lookEvery).unref();
  }

  private repair(): void {
    if (!this.way.isUp) return;
    const now = this.now();
    let again = 0;
    for (const [number, one] of this.sent) {
      if (one.due > now) continue;
      if (++again > mostAtOnce) break;
      one.pause = Math.min(repeatAfter.most, one.pause * 2);
      one.due = now + one.pause;
      this.way.send(number, one.bytes);
    }
    if (this.early.size > 0 && now - this.missingAskedAt >= 2 * lookEvery) this.askForMissing();
  }
}
