import type { RunnableDescriptor, ThreadPoolDescriptor } from "../config/descriptors.js";
import type { Dispatcher } from "../actors/dispatcher.js";
import { parseDuration } from "../config/units.js";
import type { LaneHost } from "../executors/thread-pool/host.js";
import { PiscinaHost, type PiscinaHostOptions } from "../executors/thread-pool/piscina-host.js";

const optionsOf = ({ label, resourceLimits, env }: ThreadPoolDescriptor): PiscinaHostOptions => ({ label, ...(resourceLimits === undefined ? {} : { resourceLimits }), ...(env === undefined ? {} : { env }) });

/** Where the workers of an executor live: threads of this process, or of a process of their own. */
export async function hostFor(descriptor: ThreadPoolDescriptor, dispatcher: Dispatcher): Promise<LaneHost> {
  if (descriptor.isolation !== "process") return new PiscinaHost(optionsOf(descriptor));
  const { ProcessHost } = await import("../executors/thread-pool/process-host.js");
  return new ProcessHost({ ...optionsOf(descriptor), watch: { dispatcher, leaseMs: parseDuration(descriptor.heartbeatThreshold ?? "30s", "heartbeatThreshold") } });
}

/** The hosts of the executors that a kernel begins with. A thread takes longest to be there: the first of each boots while the rest of the kernel loads. */
export class FirstHosts {
  private readonly hosts = new Map<string, PiscinaHost>();

  constructor(descriptors: readonly RunnableDescriptor[]) {
    for (const descriptor of descriptors) {
      if (descriptor.kind !== "thread-pool" || descriptor.isolation === "process" || descriptor.minThreads === 0) continue;
      const host = new PiscinaHost(optionsOf(descriptor));
      host.bootFirst();
      this.hosts.set(descriptor.label, host);
    }
  }

  /** The host of the executor of this label, once: one that is started again gets a new one. */
  take(label: string): LaneHost | undefined {
    const host = this.hosts.get(label);
    this.hosts.delete(label);
    return host;
  }

  /** Ends those that no executor took. */
  async close(): Promise<void> {
    await Promise.all([...this.hosts.values()].map((host) => host.close()));
    this.hosts.clear();
  }
}
