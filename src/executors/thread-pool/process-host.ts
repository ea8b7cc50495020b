import type { ShellAnswer } from "../executor.js";
import type { LaneEvents, LaneHost, LaneLink, ShellLink, ShellRequest } from "./host.js";
import type { PiscinaHostOptions } from "./piscina-host.js";
import { PoolProcess, type PoolProcessOptions } from "./pool-process.js";
import { Shells } from "./shells.js";
import { typescriptProject } from "../../actors/typescript.js";

/** How long a worker may take to end before its process is killed, in milliseconds. */
const patience = 500;

export type ProcessHostOptions = PiscinaHostOptions & Pick<PoolProcessOptions, "prefix" | "watch">;

/**
 * Workers as threads of a process of their own: it can be killed for real, and when it dies the program lives. Started when
 * first needed, and again after each death. Shell commands are processes anyway, and children of this one.
 */
export class ProcessHost implements LaneHost {
  private process: PoolProcess | undefined;
  private readonly shells: Shells;
  /** Tasks that have started processes of their own. */
  private readonly parents = new Set<string>();

  constructor(private readonly options: ProcessHostOptions) {
    this.shells = new Shells(options.env);
  }

  /** The process of the workers, while there is one. */
  get pid(): number | undefined {
    return this.process?.pid;
  }

  async start(): Promise<void> {
    const process = this.running();
    await process.ready;
  }

  private running(): PoolProcess {
    if (this.process !== undefined && !this.process.gone) return this.process;
    const { label, block, resourceLimits, env, typescript, logs, prefix, watch } = this.options;
    const made = new PoolProcess({
      setup: { label, block, resourceLimits, env, typescript: typescript ?? typescriptProject(), logs, token: this.shells.token },
      prefix,
      watch,
      patience,
      spawned: (task) => {
        this.parents.add(task);
        this.shells.began().catch(() => undefined); // it has no descriptors: what that task starts ends when it is killed with it
      },
      gone: () => {
        for (const task of this.parents) this.shells.end(task);
        this.parents.clear();
      },
    });
    this.process = made;
    return made;
  }

  open(lane: number, events: LaneEvents): LaneLink {
    return this.running().open(lane, events);
  }

  shell(request: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink {
    return this.shells.run(request, ended);
  }

  async close(): Promise<void> {
    await this.process?.close();
    await this.shells.close();
  }
}
