/**
 * The claim words of one worker: one for each slot of its credit window, in shared memory.
 * Head and worker change them by compareExchange only, so what a dead worker had started is known for certain.
 */
export const claim = { free: 0, sent: 1, started: 2, ended: 3, revoked: 4 } as const;

const headerWords = 8;
const currentSlot = 0;
const cooperative = 1;
const guarded = 2;

/** How many tasks may be at a worker at once. */
export const slotsPerLane = 512;

export class Claims {
  private readonly words: Int32Array;
  private readonly times: Float64Array;

  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(headerWords * 4 + 8 + slotsPerLane * 4)) {
    this.times = new Float64Array(buffer, headerWords * 4, 1);
    this.words = new Int32Array(buffer);
    if (this.words[currentSlot] === 0) this.words[currentSlot] = -1;
  }

  /** Head: the slot's task is on its way. */
  send(slot: number): void {
    Atomics.store(this.words, offset + slot, claim.sent);
  }

  /** Worker: takes the task, unless it was revoked. */
  start(slot: number, now: number): boolean {
    if (Atomics.compareExchange(this.words, offset + slot, claim.sent, claim.started) !== claim.sent) return false;
    this.times[0] = now;
    Atomics.store(this.words, cooperative, 0);
    Atomics.store(this.words, currentSlot, slot);
    return true;
  }

  /** Worker: the task's code has ended, and its answer is about to be sent. */
  end(slot: number): void {
    Atomics.store(this.words, offset + slot, claim.ended);
    Atomics.store(this.words, currentSlot, -1);
  }

  /** Worker: nothing follows at once upon the task that ended last. */
  rest(): void {
    // Words in shared memory say so already.
  }

  /** Head: takes the task back. False where the worker was quicker. */
  revoke(slot: number): boolean {
    return Atomics.compareExchange(this.words, offset + slot, claim.sent, claim.revoked) === claim.sent;
  }

  /** Worker: the current task watches its abort signal. */
  cooperate(): void {
    Atomics.store(this.words, cooperative, 1);
  }

  get cooperates(): boolean {
    return Atomics.load(this.words, cooperative) === 1;
  }

  /** Head: from now on no process of the worker's tasks outlives the program. */
  guard(): void {
    Atomics.store(this.words, guarded, 1);
    Atomics.notify(this.words, guarded);
  }

  /** Worker: waits for that, for so many milliseconds at most. */
  awaitGuard(ms: number): void {
    Atomics.wait(this.words, guarded, 0, ms);
  }

  word(slot: number): number {
    return Atomics.load(this.words, offset + slot);
  }

  /** The task that runs now, and when it started (milliseconds since 1970, with fractions). */
  running(): { slot: number; startedAt: number } | undefined {
    const slot = Atomics.load(this.words, currentSlot);
    return slot < 0 ? undefined : { slot, startedAt: this.times[0] ?? 0 };
  }
}

const offset = headerWords + 2;
