import { mkdtemp, rm } from "node:fs/promises";
import { createServer, connect as connectTcp, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { CarawayError } from "#internal/errors/index";
import { KeyStore, type SecretKey } from "#internal/actors/links/keys";
import type { LinkListener } from "#internal/actors/links/gate";
import type { Frame } from "#internal/actors/links/frames";
import { connectLink, listenLinks, type ConnectOptions, type FrameLink, type LinkEnd, type Listener, type ListenOptions, type Refusal } from "#internal/actors/links/tls-link";

/** What comes one after another, to be awaited one after another. */
export class Inbox<T> {
  readonly all: T[] = [];
  private readonly unread: T[] = [];
  private readonly wanting: ((value: T) => void)[] = [];

  readonly put = (value: T): void => {
    this.all.push(value);
    const wants = this.wanting.shift();
    if (wants === undefined) this.unread.push(value);
    else wants(value);
  };

  next(): Promise<T> {
    const value = this.unread.shift();
    return value === undefined ? new Promise((resolve) => this.wanting.push(resolve)) : Promise.resolve(value);
  }
}

export const onceClosed = (link: FrameLink): Promise<LinkEnd> => new Promise((resolve) => link.onClose(resolve));
export const received = (link: FrameLink): Inbox<Frame> => {
  const frames = new Inbox<Frame>();
  link.onFrame((frame) => frames.put(frame));
  return frames;
};
export const failure = async (act: Promise<unknown>): Promise<CarawayError> =>
  await act.then(
    () => {
      throw new Error("it did not fail");
    },
    (error: unknown) => error as CarawayError,
  );
/** Resolves with all that came before the end. */
export const ended = (socket: Socket): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", () => undefined);
  return new Promise((resolve) => {
    if (socket.closed) resolve(Buffer.concat(chunks));
    else socket.once("close", () => resolve(Buffer.concat(chunks)));
  });
};

/** A run's keys and listeners, with whatever a test opens; all is closed at its end. */
export class Ground {
  private readonly closing: (() => unknown)[] = [];
  keys!: KeyStore;
  key!: SecretKey;
  readonly refusals = new Inbox<Refusal>();

  async open(): Promise<void> {
    const root = await mkdtemp(join(tmpdir(), "caraway-links-"));
    this.closing.push(() => rm(root, { recursive: true, force: true }));
    this.keys = await KeyStore.open(join(root, "keys"));
    ({ key: this.key } = await this.keys.create("block-1"));
  }

  async close(): Promise<void> {
    for (const close of this.closing.splice(0).reverse()) await close();
  }

  /** Closes it at the end. */
  keep<T extends { close(): unknown } | { destroy(): unknown }>(one: T): T {
    this.closing.push(() => ("destroy" in one ? one.destroy() : one.close()));
    return one;
  }

  /** What links of this ground are listened for with. */
  async begin(options: ListenOptions): Promise<LinkListener> {
    return await listenLinks(options);
  }

  async listen(options: Partial<ListenOptions> = {}): Promise<{ readonly listener: Listener; readonly links: Inbox<FrameLink> }> {
    const links = new Inbox<FrameLink>();
    const listener = (await this.begin({ host: "127.0.0.1", keys: this.keys, hello: { kind: "interchange" }, onLink: links.put, onRefused: this.refusals.put, ...options })) as Listener;
    this.closing.push(() => {
      for (const link of listener.links) link.destroy();
      return listener.close();
    });
    return { listener, links };
  }

  async connect(address: string, options: Partial<ConnectOptions> = {}): Promise<FrameLink> {
    return this.keep(await this.reach({ addresses: [address], key: this.key, hello: { kind: "manager" }, ...options }));
  }

  /** What links of this ground are made with. */
  async reach(options: ConnectOptions): Promise<FrameLink> {
    return await connectLink(options);
  }

  /** Both ends of one link. */
  async pair(listening: Partial<ListenOptions> = {}, connecting: Partial<ConnectOptions> = {}): Promise<{ readonly near: FrameLink; readonly far: FrameLink; readonly listener: Listener }> {
    const { listener, links } = await this.listen(listening);
    const near = await this.connect(listener.address, connecting);
    return { near, far: await links.next(), listener };
  }

  /** A TCP server that is not one of ours. */
  async server(handle: (socket: Socket) => void): Promise<{ readonly address: string; readonly server: Server }> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => undefined);
      handle(socket);
    });
    return { address: await this.bind(server, () => sockets.forEach((socket) => socket.destroy())), server };
  }

  async bind(server: Server, before: () => void = () => undefined): Promise<string> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.closing.push(() => {
      before();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** A bare TCP connection to a listener. */
  async tcp({ port }: { readonly port: number }): Promise<Socket> {
    const socket = this.keep(connectTcp(port, "127.0.0.1"));
    socket.on("error", () => undefined);
    // A reset may come before the connection is known here.
    await new Promise((resolve) => socket.once("connect", resolve).once("close", resolve));
    return socket;
  }

  /** A TLS connection with a key, and nothing said over it. */
  tls({ port }: { readonly port: number }, psk: Buffer = this.key.reveal(), identity = "block-1"): TLSSocket {
    const socket = this.keep(connectTls({ port, host: "127.0.0.1", minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256", checkServerIdentity: () => undefined, pskCallback: () => ({ psk, identity }) }));
    socket.on("error", () => undefined);
    return socket;
  }
}
