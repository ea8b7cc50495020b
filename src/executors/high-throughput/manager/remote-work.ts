import type { Encoded } from "../../../serialization/index.js";
import type { Needs, RunnableApp, ShellWork, Work, WorkSetting } from "../../executor.js";
import { Attempt } from "../../thread-pool/attempt.js";
import { pinnedTo, type AcceleratorLeases, type Slots } from "./slots.js";
import { readTask, type TaskContents, type TaskRecords } from "../records.js";

/** What tasks are told of their worker. */
export interface SlotSettings {
  readonly slots: Slots;
  readonly accelerators: readonly string[];
  readonly leases: AcceleratorLeases;
}

/** A task as it came to its manager. Its contents are read when a worker has room for it. */
export class RemoteWork implements Work {
  place: unknown;
  readonly taskId: number;
  readonly priority: number | undefined;
  readonly walltime: number;
  readonly attempt: number;
  readonly needs: Needs | undefined;
  private contents: TaskContents | undefined;
  private readonly bytes: Uint8Array;
  private readonly from: number;

  /** The present one of the records. */
  constructor(
    readonly app: RunnableApp,
    { task, attempt, priority, walltime, needs, bytes, from }: TaskRecords,
    private readonly slots?: SlotSettings,
  ) {
    this.taskId = task;
    this.attempt = attempt;
    this.priority = priority === Infinity ? undefined : priority;
    this.walltime = walltime;
    this.needs = needs;
    this.bytes = bytes;
    this.from = from;
  }

  argumentsFor(): readonly Encoded[] {
    return this.read().args;
  }

  shellFor(): ShellWork | undefined {
    const { shell } = this.read();
    const cores = shell === undefined ? undefined : this.worker(({ slots }, worker) => slots.coresOf(worker));
    return shell === undefined || cores === undefined ? shell : { ...shell, command: `taskset -pc ${cores.join(",")} $$ >/dev/null; ${shell.command}` };
  }

  settingFor(): WorkSetting | undefined {
    const { setting, shell } = this.read();
    if (shell === undefined && (this.slots?.accelerators.length ?? 0) === 0) return setting;
    const own = this.worker((settings, worker) => this.environmentOn(settings, worker, shell !== undefined));
    return own === undefined ? setting : { ...setting, env: { ...own, ...setting?.env } };
  }

  needsFor(): Needs | undefined {
    return this.needs;
  }

  private worker<T>(tell: (settings: SlotSettings, worker: number) => T): T | undefined {
    const worker = this.place instanceof Attempt ? this.place.lane?.index : undefined;
    return this.slots === undefined || worker === undefined ? undefined : tell(this.slots, worker);
  }

  /** What its worker's own environment does not say already: nothing for functions, but for those that have other accelerators than their worker. */
  private environmentOn({ slots, accelerators, leases }: SlotSettings, worker: number, isShell: boolean): Readonly<Record<string, string>> | undefined {
    const names = accelerators.length === 0 ? [] : leases.take(this.taskId, worker, this.needs?.gpus);
    const areOwn = accelerators.length === 0 || (names.length === 1 && names[0] === accelerators[worker]);
    if (isShell) return { ...slots.environmentOf(worker), ...(areOwn ? {} : pinnedTo(names)) };
    return areOwn ? undefined : pinnedTo(names);
  }

  private read(): TaskContents {
    return (this.contents ??= readTask(this.bytes, this.from));
  }
}
