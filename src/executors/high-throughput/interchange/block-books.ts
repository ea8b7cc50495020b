import type { ManagerNode } from "./node.js";
import type { InterchangePorts } from "./types.js";

const loadMs = 200;

/** The managers of each block: whether they have work, and which blocks are to have none. */
export class BlockBooks {
  private readonly draining = new Set<string>();
  private readonly blocks = new Map<string, Set<ManagerNode>>();
  /** Whether each block had work when that was told last. */
  private readonly busy = new Map<string, boolean>();
  private readonly unsettled = new Set<string>();

  constructor(
    private readonly ports: InterchangePorts,
    /** Whether all who may have work of the block have said so. */
    private readonly isComplete: (block: string) => boolean,
    /** Tells what has become of tasks, and was not told yet. */
    private readonly tellOutcomes: () => void,
  ) {}

  nodesOf(block: string): readonly ManagerNode[] {
    return [...(this.blocks.get(block) ?? [])];
  }

  add(node: ManagerNode): void {
    const { block } = node.facts;
    const nodes = this.blocks.get(block);
    if (nodes === undefined) this.blocks.set(block, new Set([node]));
    else nodes.add(node);
  }

  delete(node: ManagerNode): void {
    this.blocks.get(node.facts.block)?.delete(node);
  }

  /** Whether its managers are to have no work. */
  rests(block: string): boolean {
    return this.draining.has(block);
  }

  setRest(block: string, rests: boolean): void {
    if (rests) this.draining.add(block);
    else this.draining.delete(block);
  }

  checkAllDrained(): void {
    for (const block of this.draining) this.checkDrained(block);
  }

  checkDrained(block: string): void {
    if (!this.draining.has(block) || !this.isComplete(block)) return;
    if (!this.nodesOf(block).every(({ isIdle, rests }) => isIdle && rests)) return;
    // Whoever hears that a block is drained knows what became of all it had.
    this.tellOutcomes();
    this.ports.event({ t: "block.drained", block });
  }

  /** Whether a block has work is told some time after it has changed: short tasks change it all the time. */
  tellLoad({ facts: { block } }: ManagerNode): void {
    if (this.unsettled.has(block) || this.isBusy(block) === this.busy.get(block)) return;
    this.unsettled.add(block);
    this.ports.dispatcher.ports.clock.after(loadMs, () => {
      this.unsettled.delete(block);
      const busy = this.isBusy(block);
      if (busy === this.busy.get(block)) return;
      this.busy.set(block, busy);
      this.ports.event({ t: "block.load", block, busy });
    });
  }

  private isBusy(block: string): boolean {
    for (const node of this.blocks.get(block) ?? []) if (!node.isIdle) return true;
    return false;
  }
}
