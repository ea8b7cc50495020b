/** What the head and a node say to each other of an actor. */
export const word = {
  /** Numbered, head to node: begin with it; what it is told; end its thread. */
  open: 1,
  down: 2,
  terminate: 3,
  /** Numbered, node to head: what it says; its thread is gone. */
  up: 4,
  exited: 5,
  /** Not numbered: so much has come; of these actors so much has come; there is no such actor (any more). */
  known: 6,
  resume: 7,
  forget: 8,
  /** One that was to be forgotten is gone. */
  dropped: 9,
} as const;

/** The words that each side may say. */
const fromHead: ReadonlySet<number> = new Set([word.open, word.down, word.terminate, word.known, word.forget]);
const fromNode: ReadonlySet<number> = new Set([word.up, word.exited, word.known, word.resume, word.dropped]);

export interface Heading {
  readonly word: number;
  /** Which actor: no other of its executor has ever had the number. 0: none. */
  readonly actor: number;
  /** 0 where it is not numbered. */
  readonly number: number;
  /** The number of the last one that has come from the other side. */
  readonly known: number;
  /** The count of the actor's thread, as it was then. */
  readonly count: number;
}

const bytes = 1 + 8 + 8 + 8 + 4;

export function writeHeading({ word: kind, actor, number, known, count }: Heading): Uint8Array {
  const memory = new Uint8Array(bytes);
  const view = new DataView(memory.buffer);
  view.setUint8(0, kind);
  view.setFloat64(1, actor, true);
  view.setFloat64(9, number, true);
  view.setFloat64(17, known, true);
  view.setInt32(25, count, true);
  return memory;
}

/** Throws a RangeError where it is none, or not one of that side's. */
export function readHeading(memory: Uint8Array, from: "head" | "node"): Heading {
  if (memory.length !== bytes) throw new RangeError(`the heading of what is said of an actor has ${bytes} bytes, not ${memory.length}`);
  const view = new DataView(memory.buffer, memory.byteOffset, bytes);
  const heading = { word: view.getUint8(0), actor: view.getFloat64(1, true), number: view.getFloat64(9, true), known: view.getFloat64(17, true), count: view.getInt32(25, true) };
  if (!(from === "head" ? fromHead : fromNode).has(heading.word)) throw new RangeError(`a ${from} says nothing of kind ${heading.word} of an actor`);
  for (const [name, value] of Object.entries({ actor: heading.actor, number: heading.number, known: heading.known })) if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`the field "${name}" of the heading of an actor is not valid`);
  return heading;
}

/** How an actor at a node stands: what has come of it, and whether its thread is gone. */
export interface Standing {
  readonly actor: number;
  readonly known: number;
  readonly isOver: boolean;
}

const standingBytes = 17;

export function writeStandings(standings: readonly Standing[]): Uint8Array {
  const memory = new Uint8Array(standings.length * standingBytes);
  const view = new DataView(memory.buffer);
  standings.forEach(({ actor, known, isOver }, i) => {
    view.setFloat64(i * standingBytes, actor, true);
    view.setFloat64(i * standingBytes + 8, known, true);
    view.setUint8(i * standingBytes + 16, isOver ? 1 : 0);
  });
  return memory;
}

export function readStandings(memory: Uint8Array): Standing[] {
  if (memory.length % standingBytes !== 0) throw new RangeError(`a list of actors does not have ${memory.length} bytes`);
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  return Array.from({ length: memory.length / standingBytes }, (_, i) => {
    const [actor, known] = [view.getFloat64(i * standingBytes, true), view.getFloat64(i * standingBytes + 8, true)];
    if (!Number.isSafeInteger(actor) || !Number.isSafeInteger(known) || actor < 1 || known < 0) throw new RangeError("an entry of a list of actors is not valid");
    return { actor, known, isOver: view.getUint8(i * standingBytes + 16) !== 0 };
  });
}
