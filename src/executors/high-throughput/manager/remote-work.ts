import type { Encoded } from "../../../serialization/index.js";
import type { RunnableApp, ShellWork, Work, WorkSetting } from "../../executor.js";
import { readTask, type TaskContents, type TaskHead } from "../records.js";

/** A task as it came to its manager. Its contents are read when a worker has room for it. */
export class RemoteWork implements Work {
  place: unknown;
  readonly taskId: number;
  readonly priority: number | undefined;
  readonly walltime: number;
  private contents: TaskContents | undefined;

  constructor(
    readonly app: RunnableApp,
    readonly attempt: number,
    head: TaskHead,
    private readonly record: Uint8Array,
  ) {
    this.taskId = head.task;
    this.priority = head.priority === Infinity ? undefined : head.priority;
    this.walltime = head.walltime;
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
    return (this.contents ??= readTask(this.record));
  }
}
