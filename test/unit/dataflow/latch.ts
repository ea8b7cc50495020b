import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { app } from "#internal/index";

let made = 0;

/** Holds tasks, in whatever process they are, until it is opened, and tells when they have come to it. */
export class Latch {
  /** What tasks are given to find it. */
  readonly name = join(tmpdir(), `latch-${process.pid}-${++made}`);
  private readonly came: string[] = [];
  private readonly held = new Set<Socket>();
  private waiting: { n: number; resolve: () => void }[] = [];
  private isOpen = false;
  private readonly server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.held.delete(socket));
    socket.once("data", (who) => this.comes(String(who), socket));
  })
    .listen(this.name)
    .unref();

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
    for (const socket of this.held) socket.end("open");
  }

  close(): void {
    for (const socket of this.held) socket.destroy();
    this.server.close();
  }

  private comes(who: string, socket: Socket): void {
    this.came.push(who);
    if (this.isOpen) socket.end("open");
    else this.held.add(socket);
    this.waiting = this.waiting.filter(({ n, resolve }) => (this.came.length >= n ? (resolve(), false) : true));
  }
}

/** What tasks that come to a latch are shipped with (`using: { knock }`): tells it who is there. `opened` resolves when it is opened, or gone. */
export async function knock(latch: string, who: string): Promise<{ readonly opened: Promise<void>; leave(): void }> {
  const { connect } = await import("node:net");
  const socket = connect(latch);
  const opened = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.resume();
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.write(who, () => resolve());
  });
  return { opened, leave: () => socket.end() };
}

/** Waits at the latch, then answers with `value`. */
export const held = app(
  async function held(latch: string, value: unknown = undefined, who = "somebody") {
    await (await knock(latch, who)).opened;
    return value;
  },
  { using: { knock } },
);

/** Tells the latch that it ran, and answers when the latch knows. */
export const passing = app(
  async function passing(latch: string, who: string) {
    const { opened, leave } = await knock(latch, who);
    leave();
    await opened;
    return who;
  },
  { using: { knock } },
);

/** Says which process it is in and waits at the latch in its first attempt; answers at once in the next. Both answer with the number of the attempt. */
export const heldOnce = app(
  async function heldOnce(latch: string, who = "somebody") {
    const { task } = await import("caraway/task");
    if (task.attempt === 1) await (await knock(latch, `${who} ${process.pid}`)).opened;
    return task.attempt;
  },
  { using: { knock } },
);
