import type { BlockCell } from "./block-cells.js";
import type { BlockSettings } from "./options.js";
import type { ObservedBlock, ScalingStrategy, ScalingView } from "./strategies.js";

interface Observation {
  readonly cells: readonly BlockCell[];
  readonly now: number;
  readonly outstanding: number;
  /** When there was no task any more; undefined while there are some. */
  readonly emptySince: number | undefined;
  readonly workersPerNode: number;
  readonly options: BlockSettings;
}

/** What the strategy is shown. */
export function viewOf({ cells, now, outstanding, emptySince, workersPerNode, options }: Observation): ScalingView {
  const { nodesPerBlock, initBlocks, minBlocks, maxBlocks, parallelism, maxIdleTime } = options;
  const blocks = cells.map((cell): ObservedBlock => {
    const manned = cell.managers.size > 0;
    const awaited = Math.max(0, nodesPerBlock - cell.managers.size);
    return { id: cell.name, state: cell.state.name, serving: cell.is("serving"), slots: cell.workers + awaited * workersPerNode, tasks: cell.tasks, idleFor: !manned ? Infinity : cell.tasks > 0 ? 0 : now - cell.idleSince };
  });
  return { outstanding, emptyFor: emptySince === undefined ? 0 : now - emptySince, blocks, workersPerNode, nodesPerBlock, initBlocks, minBlocks, maxBlocks, parallelism, maxIdleTime };
}

/** What the strategy wants, within the limits. Throws where it answers with something else than a decision. */
export function checkedDecision(strategy: ScalingStrategy, view: ScalingView): { readonly request: number; readonly release: readonly string[] } {
  const decision: unknown = strategy.decide(view);
  if (typeof decision !== "object" || decision === null) throw new TypeError("it decided nothing; an empty object is for that");
  const { request = 0, release = [] } = decision as { readonly request?: unknown; readonly release?: unknown };
  if (typeof request !== "number" || !Number.isInteger(request) || request < 0) throw new TypeError(`request is ${String(request)}, not a whole number from 0 on`);
  if (!Array.isArray(release)) throw new TypeError("release is not a list of ids");
  const serving = new Set(view.blocks.flatMap((block) => (block.serving ? [block.id] : [])));
  const known = new Set(view.blocks.map(({ id }) => id));
  const ids = new Set<string>();
  for (const id of release as unknown[]) {
    if (typeof id !== "string" || !known.has(id)) throw new TypeError(`release names ${JSON.stringify(id)}, which is no block`);
    if (serving.has(id)) ids.add(id);
  }
  const spare = Math.max(0, serving.size - view.minBlocks);
  return { request: Math.min(request, Math.max(0, view.maxBlocks - view.blocks.length)), release: [...ids].slice(0, spare) };
}

/** Milliseconds until it is to be looked at again by itself; undefined where only something that happens can change the decision. */
export function nextLook({ name }: ScalingStrategy, { outstanding, emptyFor, blocks, minBlocks, maxIdleTime }: ScalingView, period: number): number | undefined {
  if (name === "none") return undefined;
  if (outstanding > 0) return period;
  if (blocks.filter((block) => block.serving).length <= minBlocks) return undefined;
  return Math.min(period, Math.max(1, maxIdleTime - emptyFor));
}
