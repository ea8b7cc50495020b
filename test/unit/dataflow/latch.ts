import { app } from "#internal/index";

let made = 0;

/** Holds tasks on worker threads until it is opened, and tells when they have come to it. */
export class Latch {
  readonly name = `latch-${process.pid}-${++made}`;
  private readonly channel = new BroadcastChannel(this.name);
  private readonly came: string[] = [];
  private waiting: { n: number; resolve: () => void }[] = [];
  private isOpen = false;

  constructor() {
    this.channel.onmessage = (event) => {
      const { data } = event as { data: string };
      this.came.push(data);
      if (this.isOpen) this.channel.postMessage("open");
      this.waiting = this.waiting.filter(({ n, resolve }) => (this.came.length >= n ? (resolve(), false) : true));
    };
    (this.channel as unknown as { unref(): void }).unref();
  }

  /** Who came, in order. */
  get arrivals(): readonly string[] {
    return this.came;
  }

  /** Resolves when so many tasks have come to it. */
  async arrived(n = 1): Promise<void> {
    if (this.came.length < n) await new Promise<void>((resolve) => this.waiting.push({ n, resolve }));
  }

  open(): void {
    this.isOpen = true;
    this.channel.postMessage("open");
  }

  close(): void {
    this.channel.close();
  }
}

/** Waits at the latch, then answers with `value`. */
export const held = app(async function held(latch: string, value: unknown = undefined, who = "somebody") {
  const channel = new BroadcastChannel(latch);
  await new Promise<void>((resolve) => {
    channel.onmessage = (event: { data: unknown }) => {
      if (event.data === "open") resolve();
    };
    channel.postMessage(who);
  });
  channel.close();
  return value;
});

/** Tells the latch that it ran, and answers at once. */
export const passing = app(function passing(latch: string, who: string) {
  const channel = new BroadcastChannel(latch);
  channel.postMessage(who);
  channel.close();
  return who;
});
