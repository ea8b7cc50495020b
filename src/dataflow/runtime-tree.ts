import type { Dispatcher } from "../actors/dispatcher.js";
import type { RunnableDescriptor } from "../config/descriptors.js";
import type { RunSetting } from "../executors/high-throughput/high-throughput.js";
import type { Executor } from "../executors/executor.js";
import { ActorSystem } from "../supervisors/system.js";
import type { Self, Supervisor, TreeNode } from "../supervisors/types.js";
import type { ExecutorMaker } from "./executors.js";
import type { TaskTable } from "./task-table.js";

/** How long an executor may take to stop, in milliseconds. */
const stopLimit = 10_000;

/**
 * The supervision tree of a kernel: the kernel itself (its crash ends everything), and a supervisor for each executor,
 * whose pool is started again when it breaks.
 */
export class RuntimeTree {
  readonly system: ActorSystem;
  private root: Supervisor | undefined;
  private executors: Supervisor | undefined;
  private kernel: Self | undefined;
  private executorsEnd: Promise<readonly unknown[]> | undefined;
  private readonly unclean: unknown[] = [];

  constructor(
    private readonly table: TaskTable,
    private readonly make: ExecutorMaker,
    private readonly run: RunSetting,
    dispatcher: Dispatcher,
  ) {
    this.system = new ActorSystem({ name: "caraway", dispatcher });
  }

  async start(): Promise<void> {
    this.root = await this.system.supervise(
      {
        strategy: "one_for_one",
        intensity: 0,
        autoShutdown: "any_significant",
        children: [
          { id: "kernel", restart: "temporary", significant: true, run: (self: Self) => void (this.kernel = self) },
          { id: "executors", restart: "temporary", supervisor: { strategy: "one_for_one" } },
        ],
      },
      "root",
    );
    const ref = this.root.children().find((child) => child.id === "executors")?.ref;
    this.executors = typeof ref === "object" ? ref.supervisor : undefined;
  }

  /** Starts an executor under a supervisor of its own. Rejects with the reason that its first start failed for. */
  async addExecutor(descriptor: RunnableDescriptor): Promise<void> {
    const { label } = descriptor;
    let failure: unknown;
    const run = async (self: Self): Promise<void> => {
      try {
        await this.startPool(descriptor, self);
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    try {
      const ref = await this.executors?.start({
        id: label,
        restart: "temporary",
        supervisor: { strategy: "rest_for_one", intensity: 3, period: "60s", children: [{ id: "pool", restart: "permanent", shutdown: stopLimit + 1000, run }] },
      });
      await this.startParts(label, ref?.supervisor, (error) => (failure = error));
      void ref?.ended.then(() => this.table.registry.remove(label));
    } catch (error) {
      throw failure ?? error;
    }
  }

  /** Whatever else belongs to an executor: started after it, and again where it is started again. */
  private async startParts(label: string, supervisor: Supervisor | undefined, failed: (error: unknown) => void): Promise<void> {
    for (const { id } of this.table.executors.get(label)?.parts ?? []) {
      const run = async (self: Self): Promise<void> => {
        const part = this.table.executors.get(label)?.parts?.find((one) => one.id === id);
        self.onStop(() => part?.stop());
        try {
          await part?.start((error) => self.exit({ error }));
        } catch (error) {
          failed(error);
          throw error;
        }
      };
      await supervisor?.start({ id, restart: "permanent", shutdown: stopLimit, run });
    }
  }

  private async startPool(descriptor: RunnableDescriptor, self: Self): Promise<void> {
    const executor: Executor = await this.make(descriptor, this.table.dispatcher, this.table.listener, (error: unknown) => {
      this.table.registry.broke(descriptor.label);
      self.exit({ error });
    }, self.ref.incarnation, this.run);
    self.onStop(async () => {
      try {
        await executor.stop(stopLimit);
      } catch (error) {
        this.unclean.push(error);
      }
    });
    await executor.start();
    this.table.registry.attach(executor);
  }

  /** Ends one executor; what it still has is stopped with it. */
  async removeExecutor(label: string): Promise<void> {
    await this.executors?.stop(label);
    await this.executors?.delete(label).catch(() => undefined);
  }

  /** Ends every executor, the newest first. Gives what could not be ended. A second call waits for the first. */
  stopExecutors(): Promise<readonly unknown[]> {
    this.executorsEnd ??= (async () => {
      const there = this.root?.children().some(({ id }) => id === "executors") === true;
      try {
        if (there) await this.root?.stop("executors");
      } catch (error) {
        // A root that is ending ends them itself.
        if ((error as { reason?: unknown }).reason !== "shutdown") throw error;
      }
      return this.unclean;
    })();
    return this.executorsEnd;
  }

  /** Ends the root with the kernel's own crash. */
  crash(error: unknown): void {
    this.kernel?.exit({ error });
  }

  describe(): { path: string; state: string }[] {
    const flat = (node: TreeNode): { path: string; state: string }[] => [{ path: node.path, state: node.state }, ...node.children.flatMap(flat)];
    return flat(this.system.tree());
  }

  async stop(): Promise<void> {
    await this.system.stop({ timeout: stopLimit });
  }
}
