import type { ProcessPlace } from "./presence.js";

/** What head and manager say to each other. Frames of tasks and outcomes have binary headers of their own; the others carry MessagePack, checked when it arrives. */
export const frame = {
  /** Head to manager. */
  accepted: 16,
  define: 17,
  tasks: 18,
  cancel: 19,
  beat: 20,
  drain: 21,
  resume: 22,
  stop: 23,
  /** What is said to actors, and of them: see actors/wire.ts. */
  toActor: 24,
  /** Manager to head. */
  register: 32,
  outcomes: 33,
  news: 34,
  alive: 35,
  left: 36,
  ofActor: 37,
} as const;

/** The frames that each side may send. */
export const headFrames = [frame.accepted, frame.define, frame.tasks, frame.cancel, frame.beat, frame.drain, frame.resume, frame.stop, frame.toActor] as const;
export const managerFrames = [frame.register, frame.outcomes, frame.news, frame.alive, frame.left, frame.ofActor] as const;

/** A task and the attempt of it: what an answer must carry to count. */
export type Token = readonly [task: number, attempt: number];

/** What a manager says of itself when its link is made. */
export interface Registration {
  /** Its own, for all time. */
  readonly uid: string;
  readonly block: string;
  /** Which of the managers of its block it is, from 0. */
  readonly rank: number;
  readonly host: string;
  readonly pid: number;
  /** Where its process can be looked at: by an interchange on the same machine. */
  readonly place?: ProcessPlace;
  readonly cores: number;
  readonly memoryMb: number;
  /** What each of its workers has of that; unset: one core, and as much memory as the others. */
  readonly coresPerWorker?: number;
  readonly memoryPerWorkerMb?: number;
  readonly accelerators: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  /** Tasks that run at once. */
  readonly workers: number;
  /** Tasks it takes beyond that, whatever they are. */
  readonly prefetch: number;
  /** Milliseconds that it has left, where its block has a walltime. */
  readonly remainingMs: number | null;
  /** Milliseconds after which it wants no more work, where it ever does. */
  readonly drainMs?: number | null;
  /** What it has: running, waiting there, or done and not known to be told. */
  readonly has: readonly Token[];
  /** The largest number of an outcome that it has sent. */
  readonly told: number;
  /** The numbers of the actors that live there. */
  readonly actors?: readonly number[];
}

export interface Acceptance {
  /** Counts the interchanges that this executor has had. */
  readonly epoch: number;
  readonly heartbeatMs: number;
  /** Milliseconds of silence after which the other side counts as lost. */
  readonly leaseMs: number;
  /** The number of the last outcome that arrived. */
  readonly known: number;
}

export interface Beat {
  readonly known: number;
  /** The manager's own time in the sign of life that it answers. */
  readonly at?: number;
}

const fault = (what: string): TypeError => new TypeError(what);

type Fields<T> = { readonly [K in keyof T]-?: (value: unknown) => boolean };

const isText = (value: unknown): boolean => typeof value === "string" && value.length <= 4096;
const isCount = (value: unknown): boolean => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
const isTime = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isToken = (value: unknown): boolean => Array.isArray(value) && value.length === 2 && value.every(isCount);
const isListOf = (one: (value: unknown) => boolean) => (value: unknown): boolean => Array.isArray(value) && value.every(one);

function isPlace(value: unknown): boolean {
  const { machine, pid, start } = (value ?? {}) as Partial<Record<keyof ProcessPlace, unknown>>;
  return isText(machine) && isCount(pid) && isCount(start);
}

const registration: Fields<Registration> = {
  uid: isText,
  block: isText,
  rank: isCount,
  host: isText,
  pid: isCount,
  place: (value) => value === undefined || isPlace(value),
  cores: isCount,
  memoryMb: isCount,
  coresPerWorker: (value) => value === undefined || isTime(value),
  memoryPerWorkerMb: (value) => value === undefined || isTime(value),
  accelerators: isListOf(isText),
  versions: (value) => typeof value === "object" && value !== null && Object.values(value).every(isText),
  workers: (value) => isCount(value) && (value as number) >= 1 && (value as number) <= 65_536,
  prefetch: isCount,
  remainingMs: (value) => value === null || isTime(value),
  drainMs: (value) => value === undefined || value === null || isTime(value),
  has: isListOf(isToken),
  told: isCount,
  actors: (value) => value === undefined || isListOf(isCount)(value),
};
const acceptance: Fields<Acceptance> = { epoch: isCount, heartbeatMs: isCount, leaseMs: isCount, known: isCount };
const beat: Fields<Beat> = { known: isCount, at: (value) => value === undefined || isTime(value) };

function checked<T>(name: string, value: unknown, fields: Fields<T>): T {
  if (typeof value !== "object" || value === null) throw fault(`a ${name} is not an object`);
  const known = Object.keys(fields);
  for (const key of Object.keys(value)) if (!known.includes(key)) throw fault(`a ${name} has the unknown field "${key.slice(0, 64)}"`);
  for (const key of known) if (!fields[key as keyof T]((value as Record<string, unknown>)[key])) throw fault(`the field "${key}" of a ${name} is not valid`);
  return value as T;
}

/** These throw a TypeError that names the field that is wrong. */
export const asRegistration = (value: unknown): Registration => checked("registration", value, registration);
export const asAcceptance = (value: unknown): Acceptance => checked("acceptance", value, acceptance);
export const asAlive = (value: unknown): number => checked<{ readonly at: number }>("sign of life", value, { at: isTime }).at;
export const asBeat = (value: unknown): Beat => checked("beat", value, beat);
export function asTokens(value: unknown): readonly Token[] {
  if (!isListOf(isToken)(value)) throw fault("a list of tokens is not valid");
  return value as readonly Token[];
}

/** The number of the first outcome of a frame. */
export const asFirst = (value: unknown): number => checked<{ readonly first: number }>("frame of outcomes", value, { first: isCount }).first;
