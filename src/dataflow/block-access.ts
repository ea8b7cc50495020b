import { durationFault, parseDuration } from "../config/units.js";
import { InvalidOption, UnknownExecutor, UnsupportedFeature } from "../errors/index.js";
import type { ActorPlaces, Block, Executor } from "../executors/executor.js";

export interface BlockOptions {
  /** How long to wait for one: 5 min, unless given; `"infinity"` for as long as it takes. */
  readonly timeout?: number | string;
}

const defaultTimeout = "5m";

/** The blocks with a manager: those of the executor with that label, or of all. */
export function blocksOf(executors: ReadonlyMap<string, Executor>, label: string | undefined): Block[] {
  if (label !== undefined) return [...placesOf(executors, label).blocks];
  return [...executors.values()].flatMap(({ places }) => places?.blocks ?? []);
}

/** A block that takes actors, of the executor with that label, or of the first that has blocks at all. */
export async function blockOf(executors: ReadonlyMap<string, Executor>, label: string | undefined, { timeout = defaultTimeout }: BlockOptions): Promise<Block> {
  const fault = timeout === "infinity" ? undefined : durationFault(timeout);
  if (fault !== undefined) throw new InvalidOption("CW-APP-011", `the timeout of block ${fault}`, { evidence: { option: "timeout", given: String(timeout) }, hint: 'Give milliseconds, or text such as "30s".' });
  const found = label ?? [...executors.values()].find(({ places }) => places !== undefined)?.label;
  return await placesOf(executors, found).block(timeout === "infinity" ? Infinity : parseDuration(timeout, "timeout"));
}

function placesOf(executors: ReadonlyMap<string, Executor>, label: string | undefined): ActorPlaces {
  const labels = [...executors.keys()];
  const executor = label === undefined ? undefined : executors.get(label);
  if (label !== undefined && executor === undefined) throw new UnknownExecutor("CW-EXEC-004", `there is no executor "${label}"; there are ${labels.map((one) => `"${one}"`).join(", ") || "none"}`, { where: { executor: label }, evidence: { labels } });
  if (executor?.places === undefined) throw new UnsupportedFeature("CW-EXEC-005", label === undefined ? "no executor of this kernel has blocks" : `the executor "${label}" has no blocks`, { evidence: { labels }, hint: "Blocks are what highThroughput(…) obtains from its provider." });
  return executor.places;
}
