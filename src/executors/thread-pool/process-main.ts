import { Socket } from "node:net";
import { encodeThrown } from "../../serialization/index.js";
import type { ThreadEnd } from "../../state-machines/thread.js";
import { Directory, HostedLane } from "./hosted-lane.js";
import { endOffspring, type Offspring } from "./offspring.js";
import { Packets } from "./packets.js";
import { PiscinaHost } from "./piscina-host.js";
import { notesFd, pipeFd, type FromProcess, type ProcessSetup, type ToProcess } from "./process-protocol.js";

/** How often claim words are read while work is out, in milliseconds. */
const observeEvery = 5;

/**
 * The main thread of a pool's process: passes on what head and workers tell each other, and says every now and then that it is there. No code
 * of tasks runs here, so it always can, and always sees its parent's end. A head that says nothing stands still, and is waited for.
 */
class PoolMain implements Offspring {
  token = "";
  private readonly pipe = new Socket({ fd: pipeFd, readable: true, writable: true });
  private readonly packets: Packets<FromProcess, ToProcess>;
  private readonly lanes = new Map<number, HostedLane>();
  private readonly directory = new Directory();
  private readonly parents = new Set<string>();
  private host: PiscinaHost | undefined;
  private waiting: ToProcess[] = [];
  private started = false;
  private observer: NodeJS.Timeout | undefined;

  constructor() {
    const { pipe } = this;
    this.packets = new Packets(pipe, (message) => this.take(message), () => this.leave());
    pipe.on("error", () => pipe.destroy());
    pipe.on("end", () => this.leave());
    pipe.on("close", () => this.leave());
    for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  }

  private take(message: ToProcess): void {
    if (message.t === "setup") void this.start(message);
    else if (this.started) this.obey(message);
    else this.waiting.push(message);
  }

  private async start(setup: ProcessSetup): Promise<void> {
    const { label, block, resourceLimits, env, typescript, logs } = setup;
    this.token = setup.token;
    setInterval(() => this.say(), setup.beatMs);
    this.host = new PiscinaHost({
      label, offspring: this, notes: notesFd, typescript, logs,
      ...(block === undefined ? {} : { block }),
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
      ...(env === undefined ? {} : { env }),
    });
    try {
      await this.host.start();
    } catch (error) {
      this.packets.send({ t: "broken", error: encodeThrown(error, "why the pool could not start") });
      return;
    }
    this.started = true;
    this.packets.send({ t: "hello" });
    for (const message of this.waiting.splice(0)) this.obey(message);
  }

  private obey(message: ToProcess): void {
    if (message.t === "setup") return;
    if (message.t === "ask") {
      this.say();
      return;
    }
    if (message.t === "open") {
      this.open(message.link, message.lane);
      return;
    }
    const lane = this.lanes.get(message.link);
    if (lane === undefined) return;
    if (message.t === "post") {
      lane.post(message.frame);
      this.observe();
    } else if (message.t === "tell") lane.tell(message.message);
    else if (message.t === "revoke") lane.revoke(message.slot, message.ticket);
    else if (message.t === "look") lane.look(message.ticket);
    else lane.kill();
  }

  /** What waits to be read is a sign already. */
  private say(): void {
    if (this.pipe.writableLength === 0) this.packets.send({ t: "alive" });
  }

  private open(link: number, lane: number): void {
    const hosted = new HostedLane(link, (message) => this.packets.send(message), this.directory, (end: ThreadEnd) => this.exited(link, end));
    this.lanes.set(link, hosted);
    hosted.link = (this.host as PiscinaHost).open(lane, hosted.events);
  }

  private exited(link: number, end: ThreadEnd): void {
    const lane = this.lanes.get(link);
    this.lanes.delete(link);
    const failed = end.error !== undefined;
    this.packets.send({ t: "exited", link, code: end.code, failed, error: failed ? encodeThrown(end.error, "why a worker ended") : undefined, fates: lane?.fates() ?? [] });
  }

  private observe(): void {
    this.observer ??= setInterval(() => {
      let busy = false;
      for (const lane of this.lanes.values()) busy = lane.observe() || busy;
      if (busy) return;
      clearInterval(this.observer);
      this.observer = undefined;
    }, observeEvery);
  }

  /** This process sees to it when its parent ends, and its parent when this one does. */
  began(task: string): Promise<void> {
    this.parents.add(task);
    this.packets.send({ t: "spawned", task });
    return Promise.resolve();
  }

  end(task: string): void {
    endOffspring(this.token, task);
  }

  /** The head closed the pipe, or is gone. Workers may be anywhere, in native code too: nothing short of this ends them for certain. */
  private leave(): void {
    for (const task of this.parents) endOffspring(this.token, task, 0);
    process.kill(process.pid, "SIGKILL");
  }
}

new PoolMain();
