import type { Encoded } from "../../../serialization/index.js";
import type { Needs, RunnableApp, ShellWork, Work, WorkSetting } from "../../executor.js";
import { readTask, type TaskContents, type TaskRecords } from "../records.js";

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
    return this.read().shell;
  }

  settingFor(): WorkSetting | undefined {
    return this.read().setting;
  }

  private read(): TaskContents {
    return (this.contents ??= readTask(this.bytes, this.from));
  }
}
