import { join } from "node:path";
import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { Dispatcher } from "../../actors/dispatcher.js";
import { controlCodec, type ControlCodec } from "../../actors/links/control.js";
import { KeyStore, type SecretKey } from "../../actors/links/keys.js";
import type { LinkListener } from "../../actors/links/gate.js";
import { listenAt } from "../../actors/links/places.js";
import { realPorts } from "../../actors/real-ports.js";
import { encodeThrown } from "../../serialization/index.js";
import { presenceOf } from "./presence.js";
import { frame, managerFrames } from "./protocol.js";
import { Interchange } from "./interchange/interchange.js";
import { StepReporter } from "./interchange/step-reporter.js";
import { serveManager } from "./interchange/serve-manager.js";
import type { FromInterchange, ThreadSetup, ToInterchange } from "./interchange-protocol.js";

/** The thread of an interchange: sockets on one side, the head on the other. It keeps its leases however long the head's own thread is busy. */
class InterchangeThread {
  private readonly keys = new Map<string, SecretKey>();
  private readonly interchange: Interchange;
  private readonly steps: StepReporter;
  private listener: LinkListener | undefined;

  constructor(
    private readonly head: MessagePort,
    private readonly setup: ThreadSetup,
    private readonly codec: ControlCodec,
  ) {
    const dispatcher = new Dispatcher(realPorts());
    this.steps = new StepReporter(dispatcher, (steps) => this.say({ t: "steps", ...steps }));
    if (setup.observedFrom !== undefined) this.observe(true, setup.observedFrom);
    this.interchange = new Interchange(setup.options, {
      dispatcher,
      codec,
      toHead: (records) => head.postMessage(records, [records.buffer]),
      news: (bytes) => this.say({ t: "news", bytes: new Uint8Array(bytes) }),
      event: (event) => this.say(event),
      presence: ({ place }) => presenceOf(place),
      broken: (error) =>
        queueMicrotask(() => {
          throw error;
        }),
      ofActor: (manager, heading, payload) => this.say({ t: "of-actor", manager, heading, payload }),
    });
    head.on("message", (message: Uint8Array | ToInterchange) => {
      if (message instanceof Uint8Array) this.interchange.submit(message);
      else this.obey(message);
    });
  }

  async start(): Promise<void> {
    const { place, keys, options } = this.setup;
    const store = await KeyStore.open(keys);
    for (const identity of store.identities) this.trust(identity, store.find(identity));
    const listener = await listenAt(place, {
      keys: { find: (identity) => this.keys.get(identity) },
      hello: { kind: "interchange", facts: { label: options.label, epoch: options.epoch } },
      types: managerFrames,
      urgent: [frame.beat],
      onLink: (link) => serveManager(this.interchange, this.codec, link),
      onRefused: ({ address, reason, error }) => this.say({ t: "refused", address, reason, message: error.message }),
      onAway: (error) => this.unreachable(error, false),
      onLost: (error) => this.unreachable(error, true),
    });
    this.listener = listener;
    if (this.interchange.isEnding) await listener.close("the executor ended");
    else this.say({ t: "listening", port: listener.port ?? 0 });
  }

  private unreachable(error: unknown, over: boolean): void {
    this.say({ t: "unreachable", error: encodeThrown(error, "why no manager can reach the interchange"), over });
  }

  private say(message: FromInterchange): void {
    this.head.postMessage(message);
  }

  private obey(message: ToInterchange): void {
    const { interchange } = this;
    switch (message.t) {
      case "define": interchange.define(message.app, message.bytes); return;
      case "cancel": interchange.cancel(message.task, message.attempt); return;
      case "expect": interchange.expect(message.tokens, message.needs); return;
      case "to-actor": interchange.actors.down(interchange.nodes.get(message.manager), message.heading, message.payload); return;
      case "observe": this.observe(message.on, message.origin); return;
      case "drain": interchange.drain(message.block); return;
      case "resume": interchange.resume(message.block); return;
      case "trust": void this.load(message.identity); return;
      case "revoke":
        this.keys.delete(message.identity);
        this.listener?.revoke(message.identity);
        return;
      case "stop": void this.stop(message.within);
    }
  }

  private observe(on: boolean, origin: number): void {
    this.steps.observe(on, performance.timeOrigin - origin);
  }

  private async load(identity: string): Promise<void> {
    try {
      this.trust(identity, await KeyStore.load(join(this.setup.keys, `${identity}.key`)));
    } catch (error) {
      this.say({ t: "trusted", identity, error: encodeThrown(error, "why a key was not read") });
    }
  }

  private trust(identity: string, key: SecretKey | undefined): void {
    if (key === undefined) return;
    this.keys.set(identity, key);
    this.say({ t: "trusted", identity });
  }

  private async stop(within: number): Promise<void> {
    await this.interchange.stop(within);
    await this.listener?.close("the executor ended");
    this.steps.flush();
    this.say({ t: "stopped" });
    this.head.close();
  }
}

const head = parentPort as MessagePort;
const main = new InterchangeThread(head, workerData as ThreadSetup, await controlCodec());
main.start().catch((error: unknown) => {
  head.postMessage({ t: "failed", error: encodeThrown(error, "why the interchange could not start") } satisfies FromInterchange);
  head.close();
});
