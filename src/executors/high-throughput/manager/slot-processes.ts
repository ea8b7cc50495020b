import type { ShellAnswer } from "../../executor.js";
import type { LaneEvents, LaneHost, LaneLink, ShellLink, ShellRequest } from "../../thread-pool/host.js";
import { ProcessHost, type ProcessHostOptions } from "../../thread-pool/process-host.js";
import type { Slots } from "./slots.js";

/** A process for each worker: what one of them does to its process harms no other, and each has a directory and an environment of its own. */
export class SlotProcesses implements LaneHost {
  private readonly slots = new Map<number, ProcessHost>();
  private readonly shells: ProcessHost;

  constructor(
    private readonly options: ProcessHostOptions,
    private readonly of: Slots,
  ) {
    this.shells = new ProcessHost(options);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  open(lane: number, events: LaneEvents): LaneLink {
    let slot = this.slots.get(lane);
    if (slot === undefined) {
      slot = new ProcessHost({ ...this.options, env: { ...this.options.env, ...this.of.environmentOf(lane) }, prefix: this.of.prefixOf(lane) });
      this.slots.set(lane, slot);
    }
    return slot.open(lane, events);
  }

  shell(request: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink {
    return this.shells.shell(request, ended);
  }

  async close(): Promise<void> {
    await Promise.all([this.shells, ...this.slots.values()].map((host) => host.close()));
  }
}
