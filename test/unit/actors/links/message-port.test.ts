import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { inMemoryLink, type LinkPort } from "#internal/actors/links/in-memory";
import { messagePortLink, type MessagePortLink } from "#internal/actors/links/message-port";
import { realPorts } from "#internal/actors/real-ports";

type Message = readonly [kind: string, load: unknown];
const ports = realPorts();
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

const overPort = (port: MessagePort, refused: (message: Message, error: unknown) => void = () => undefined): MessagePortLink<Message, Message> => {
  open.push(port);
  return messagePortLink<Message, Message>(port, ports.scheduler, { width: 2, holds: true, refused });
};
const pair = (refused?: (message: Message, error: unknown) => void) => {
  const { port1, port2 } = new MessageChannel();
  return { left: overPort(port1, refused), right: overPort(port2), port2 };
};
const next = <T>(listen: (handler: (value: T) => void) => void): Promise<T> => new Promise((resolve) => listen(resolve));
/** Resolves with what has come when the last message is among it. */
const until = (port: LinkPort<Message, Message>, last: string): Promise<Message[]> => {
  const come: Message[] = [];
  return next((resolve) => port.onMessage((message) => {
    come.push(message);
    if (message[0] === last) resolve(come);
  }));
};

describe.each([
  ["over a MessagePort", pair],
  ["in memory", () => inMemoryLink<Message, Message>(ports)],
])("a link %s", (_what, make: () => { readonly left: LinkPort<Message, Message>; readonly right: LinkPort<Message, Message> }) => {
  it("brings messages in their order, both ways, those before there was a receiver too, and none within post", async () => {
    const { left, right } = make();
    for (let i = 0; i < 3000; i++) left.post(["n", i]);
    left.post(["last", undefined]);
    const answers = until(left, "last");
    let within = true;
    right.onMessage(([kind, load]) => {
      expect(within).toBe(false);
      right.post([kind, load]);
    });
    within = false;
    expect((await answers).map(([, load]) => load)).toEqual([...Array.from({ length: 3000 }, (_, i) => i), undefined]);
  });

  it("tells both ends once when one closes it; what is posted then goes nowhere", async () => {
    const { left, right } = make();
    const ends: string[] = [];
    right.onMessage(() => ends.push("message"));
    const both = Promise.all([left, right].map((end, i) => next<unknown>((resolve) => end.onClose(() => {
      ends.push(String(i));
      resolve(i);
    }))));
    left.close();
    left.post(["late", 1]);
    await both;
    right.post(["late", 2]);
    right.close();
    await next<unknown>((resolve) => right.onClose(() => resolve(0)));
    expect(ends.toSorted()).toEqual(["0", "1"]);
  });
});

describe("a link over a MessagePort", () => {
  it("sends all of one turn as one frame, and a long turn as several", async () => {
    const { port1, port2 } = new MessageChannel();
    open.push(port2);
    const link = overPort(port1);
    const frames: unknown[][] = [];
    const last = next<unknown>((resolve) => port2.on("message", (frame: unknown[]) => {
      frames.push(frame);
      if (frame.includes("last")) resolve(frame);
    }));
    link.post(["a", 1]);
    link.post(["b", 2]);
    await Promise.resolve();
    for (let i = 0; i < 1500; i++) link.post(["n", i]);
    link.post(["last", 0]);
    await last;
    expect(frames[0]).toEqual(["a", 1, "b", 2]);
    expect(frames.map((frame) => frame.length / 2)).toEqual([2, 1024, 477]);
  });

  it("moves memory instead of copying it, in the message's place", async () => {
    const { left, right } = pair();
    const memory = new ArrayBuffer(16);
    left.post(["before", 1]);
    left.post(["moved", memory], [memory]);
    left.post(["after", 2]);
    expect(memory.byteLength).toBe(0);
    const come = await until(right, "after");
    expect(come.map(([kind]) => kind)).toEqual(["before", "moved", "after"]);
    expect((come[1]?.[1] as ArrayBuffer).byteLength).toBe(16);
  });

  it("leaves out a message that cannot be copied, says which, and sends the others", async () => {
    const refused: unknown[] = [];
    const { left, right } = pair((message, error) => refused.push([message[0], (error as Error).name]));
    left.post(["a", 1]);
    left.post(["bad", () => undefined]);
    left.post(["c", 3]);
    expect((await until(right, "c")).map(([kind]) => kind)).toEqual(["a", "c"]);
    expect(refused).toEqual([["bad", "DataCloneError"]]);
  });

  it("hands over at once what has arrived, when it is drained", () => {
    const { left, right } = pair();
    const come: unknown[] = [];
    right.onMessage(([kind]) => come.push(kind));
    left.post(["a", 1]);
    left.post(["b", 2]);
    left.flush();
    right.drain();
    expect(come).toEqual(["a", "b"]);
  });
});
