import type { Bag } from "./bag.js";
import type { Dispatch, ManagerNode } from "./node.js";

export type ManagerSelector = "random" | "least-loaded" | "pack-by-block";

export interface Candidates {
  /** Managers with a worker that has nothing to do. */
  readonly free: Bag<ManagerNode>;
  /** Managers that may have work waiting there. */
  readonly roomy: Bag<ManagerNode>;
  readonly random: () => number;
  fits(node: ManagerNode): boolean;
}

type Select = (bag: Bag<ManagerNode>, candidates: Candidates) => ManagerNode | undefined;

/** Tries some at random, then all in turn from a random place. */
const random: Select = (bag, { random: draw, fits }) => {
  const first = bag.pick(draw());
  if (first === undefined || fits(first)) return first;
  return bag.values().find(fits);
};

function best(bag: Bag<ManagerNode>, fits: (node: ManagerNode) => boolean, isBetter: (a: ManagerNode, b: ManagerNode) => boolean): ManagerNode | undefined {
  let found: ManagerNode | undefined;
  for (const node of bag.values()) if (fits(node) && (found === undefined || isBetter(node, found))) found = node;
  return found;
}

const loadOf = ({ out, facts }: ManagerNode): number => out.size / facts.workers;

const leastLoaded: Select = (bag, { fits }) => best(bag, fits, (a, b) => loadOf(a) < loadOf(b));

/** The first block that has room, so that the others become idle and can be ended. */
const packByBlock: Select = (bag, { fits }) => best(bag, fits, (a, b) => a.facts.block < b.facts.block || (a.facts.block === b.facts.block && a.facts.rank < b.facts.rank));

const selectors: Readonly<Record<ManagerSelector, Select>> = { random, "least-loaded": leastLoaded, "pack-by-block": packByBlock };

/** Which manager gets a task: one with a free worker where there is one, however it is chosen among these. */
export function select(selector: ManagerSelector, candidates: Candidates): ManagerNode | undefined {
  const choose = selectors[selector];
  return choose(candidates.free, candidates) ?? choose(candidates.roomy, candidates);
}

/** Managers that could run it at all if they had room: where there is none, it waits for others to come. */
export const couldRun = (nodes: Iterable<ManagerNode>, one: Dispatch, now: number): boolean => [...nodes].some((node) => node.is("takes-work") && (one.head.walltime === 0 || now + one.head.walltime <= node.endsAt));
