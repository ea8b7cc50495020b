import type { Performers } from "./cell.js";
import type { ChartState, CompiledChart, Typed } from "./compile.js";

/**
 * Runs a chart within the call that tells it something: for what has no mailbox, because its state must have changed when that call returns.
 * What is told while a message is handled waits until that is over.
 */
export class InPlace<C extends object, M extends Typed, E extends Typed, I> {
  declare state: ChartState<C>;
  declare context: C;
  private readonly waiting: M[] = [];
  private isRunning = false;

  constructor(
    private readonly chart: CompiledChart<C, M, E, I>,
    input: I,
    private readonly perform: Performers<E, unknown>,
  ) {
    const effects: E[] = [];
    chart.start(this, input, effects);
    this.performAll(effects);
  }

  is(tag: string): boolean {
    return this.state.tags.has(tag);
  }

  /** What comes after the end is ignored. */
  tell(message: M): void {
    this.waiting.push(message);
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) this.step(next);
    } finally {
      this.isRunning = false;
    }
  }

  private step(message: M): void {
    const effects: E[] = [];
    const { name } = this.state;
    if (this.chart.step(this, message, effects) === "unexpected") throw new Error(`${this.chart.id} in state "${name}" has no answer to "${message.type}"`);
    this.performAll(effects);
  }

  private performAll(effects: readonly E[]): void {
    for (const effect of effects) (this.perform[effect.type as E["type"]] as unknown as (effect: E, owner: unknown) => void)(effect, this);
  }
}
