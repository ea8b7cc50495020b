/** Events per second over the last few seconds, from a count that is read now and then, and was 0 at the time 0. */
export class RateMeter {
  private readonly samples: { readonly at: number; readonly count: number }[] = [{ at: 0, count: 0 }];

  /** `window`: how far back it looks, in milliseconds. */
  constructor(private readonly window = 5000) {}

  /** Reads the count at a time (milliseconds, growing) and answers with the rate; 0 where no time has passed. */
  read(at: number, count: number): number {
    const { samples } = this;
    samples.push({ at, count });
    while (samples.length > 2 && (samples[1]?.at ?? at) <= at - this.window) samples.shift();
    const first = samples[0];
    return first === undefined || at === first.at ? 0 : ((count - first.count) * 1000) / (at - first.at);
  }
}
