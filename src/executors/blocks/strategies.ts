/** A block as a strategy sees it. */
export interface ObservedBlock {
  readonly id: string;
  readonly state: string;
  /** It serves or will: it is not on its way out. */
  readonly serving: boolean;
  /** Tasks that run on it at once: as its managers say, or as expected of those that have not registered. */
  readonly slots: number;
  /** Tasks that its managers have now. */
  readonly tasks: number;
  /** Milliseconds without a task; `Infinity` where no manager has registered. */
  readonly idleFor: number;
}

/** All that a strategy decides by. */
export interface ScalingView {
  /** Tasks that are not done. */
  readonly outstanding: number;
  /** Milliseconds for which there were none; 0 while there are some. */
  readonly emptyFor: number;
  /** Every block that has not ended. */
  readonly blocks: readonly ObservedBlock[];
  /** What managers have turned out to have, or the guess where none has registered. */
  readonly workersPerNode: number;
  readonly nodesPerBlock: number;
  readonly initBlocks: number;
  readonly minBlocks: number;
  readonly maxBlocks: number;
  /** How many slots there should be for each task: 1 for one each, 0 for one block whatever the load. */
  readonly parallelism: number;
  /** Milliseconds. */
  readonly maxIdleTime: number;
}

export interface ScalingDecision {
  /** Blocks to add. Never carried out beyond `maxBlocks`. */
  readonly request?: number;
  /** Ids of blocks to end, in this order, once nothing runs on them. Never carried out below `minBlocks`. */
  readonly release?: readonly string[];
}

/** When blocks are added and ended. The first `initBlocks` are asked for before it is. */
export interface ScalingStrategy {
  readonly name: string;
  decide(view: ScalingView): ScalingDecision;
}

const nothing: ScalingDecision = {};

/** The blocks to begin with, and no others. */
const none: ScalingStrategy = { name: "none", decide: () => nothing };

/** Adds blocks while there are fewer slots than tasks ask for; ends all but `minBlocks` when there has been no task for `maxIdleTime`. */
const simple: ScalingStrategy = { name: "simple", decide: (view) => (view.outstanding === 0 ? whenEmpty(view) : grow(view)) };

/** As `simple`; also ends idle blocks that the tasks that are left do not need. */
const autoScale: ScalingStrategy = { name: "auto-scale", decide: (view) => (view.outstanding === 0 ? whenEmpty(view) : shrink(view) ?? grow(view)) };

/** Parsl's strategies, by the names they have in a configuration. */
export const strategies: Readonly<Record<"none" | "simple" | "auto-scale", ScalingStrategy>> = { none, simple, "auto-scale": autoScale };

const slotsIn = (blocks: readonly ObservedBlock[]): number => blocks.reduce((sum, { slots }) => sum + slots, 0);
const longestIdleFirst = (a: ObservedBlock, b: ObservedBlock): number => (a.idleFor === b.idleFor ? 0 : b.idleFor - a.idleFor);

function whenEmpty({ blocks, minBlocks, emptyFor, maxIdleTime }: ScalingView): ScalingDecision {
  const serving = blocks.filter((block) => block.serving);
  const excess = serving.length - minBlocks;
  if (excess <= 0 || emptyFor < maxIdleTime) return nothing;
  return { release: serving.sort(longestIdleFirst).slice(0, excess).map(({ id }) => id) };
}

function grow({ outstanding, parallelism, blocks, maxBlocks, workersPerNode, nodesPerBlock }: ScalingView): ScalingDecision {
  const room = maxBlocks - blocks.length;
  if (room <= 0) return nothing;
  const slots = slotsIn(blocks.filter((block) => block.serving));
  const missing = Math.ceil(outstanding * parallelism - slots);
  if (missing > 0) return { request: Math.min(Math.ceil(missing / Math.max(1, workersPerNode * nodesPerBlock)), room) };
  return slots === 0 ? { request: 1 } : nothing;
}

/** Ends idle blocks as long as the slots of the others suffice: what is left then asks for no new one. */
function shrink({ outstanding, parallelism, blocks, minBlocks, maxIdleTime }: ScalingView): ScalingDecision | undefined {
  const serving = blocks.filter((block) => block.serving);
  const needed = Math.max(1, outstanding * parallelism);
  let slots = slotsIn(serving);
  let left = serving.length - minBlocks;
  const release: string[] = [];
  for (const block of serving.filter(({ tasks, idleFor }) => tasks === 0 && idleFor >= maxIdleTime).sort(longestIdleFirst)) {
    if (left <= 0) break;
    if (slots - block.slots < needed) continue;
    slots -= block.slots;
    left--;
    release.push(block.id);
  }
  return release.length === 0 ? undefined : { release };
}
