import type { Random } from "../../../actors/ports.js";
import { Bag } from "./bag.js";
import type { Dispatch, ManagerNode } from "./node.js";

export type ManagerSelector = "random" | "least-loaded" | "pack-by-block";

/** What is to be decided: one for all decisions, since there are many. */
export class Choice {
  one: Dispatch | undefined;
  /** Milliseconds that it is expected to take; negative where nobody knows. */
  expected = -1;
  now = 0;

  constructor(
    /** Managers with a worker that has nothing to do. */
    readonly free: Bag<ManagerNode>,
    /** Managers that may have work waiting there. */
    readonly roomy: Bag<ManagerNode>,
    readonly random: Random,
  ) {}

  fits(node: ManagerNode): boolean {
    return this.one !== undefined && node.mayTake(this.one, this.expected, this.now);
  }
}

type Select = (bag: Bag<ManagerNode>, choice: Choice) => ManagerNode | undefined;

/** Tries one at random, then all in turn. */
const random: Select = (bag, choice) => {
  const first = bag.pick(choice.random.next());
  if (first === undefined || choice.fits(first)) return first;
  return bag.values().find((node) => choice.fits(node));
};

function best(bag: Bag<ManagerNode>, choice: Choice, isBetter: (a: ManagerNode, b: ManagerNode) => boolean): ManagerNode | undefined {
  let found: ManagerNode | undefined;
  for (const node of bag.values()) if (choice.fits(node) && (found === undefined || isBetter(node, found))) found = node;
  return found;
}

const loadOf = ({ out, facts }: ManagerNode): number => out.size / facts.workers;

const leastLoaded: Select = (bag, choice) => best(bag, choice, (a, b) => loadOf(a) < loadOf(b));

/** The first block that has room, so that the others become idle and can be ended. */
const packByBlock: Select = (bag, choice) => best(bag, choice, (a, b) => a.facts.block < b.facts.block || (a.facts.block === b.facts.block && a.facts.rank < b.facts.rank));

const selectors: Readonly<Record<ManagerSelector, Select>> = { random, "least-loaded": leastLoaded, "pack-by-block": packByBlock };

/** Which manager gets a task: one with a free worker where there is one, however it is chosen among these. */
export function select(selector: ManagerSelector, choice: Choice): ManagerNode | undefined {
  const choose = selectors[selector];
  return choose(choice.free, choice) ?? choose(choice.roomy, choice);
}

/** Which manager gets a task that needs more than a worker: among all that have it now. */
export function selectLarge(selector: ManagerSelector, nodes: Iterable<ManagerNode>, choice: Choice): ManagerNode | undefined {
  const bag = new Bag<ManagerNode>();
  for (const node of nodes) if (choice.fits(node)) bag.add(node);
  return selectors[selector](bag, choice);
}

/** Managers that could run it at all if they had room: where there is none, it waits for others to come. */
export const couldRun = (nodes: Iterable<ManagerNode>, one: Dispatch, now: number): boolean => [...nodes].some((node) => node.couldHold(one, now));
