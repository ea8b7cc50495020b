import { ShellStartFailed } from "../../errors/index.js";
import type { ShellAnswer } from "../executor.js";
import type { RunningShell, ShellHost } from "../shell/index.js";
import type { ShellLink, ShellRequest } from "./host.js";
import { endOffspring, type Offspring } from "./offspring.js";

/** The shell commands of a pool, and the processes that its tasks start themselves: all end with this process. Loaded when first needed. */
export class Shells implements Offspring {
  /** Unlike that of any other host, also of one that had the same process number. It is no secret. */
  readonly token = `caraway-${process.pid}-${Date.now().toString(36)}${Math.random().toString(36).slice(2)}`;
  private host: ShellHost | undefined;
  private loading: Promise<ShellHost> | undefined;

  constructor(private readonly env: Readonly<Record<string, string>> | undefined) {}

  run({ work, setting, token }: ShellRequest, ended: (answer: ShellAnswer) => void): ShellLink {
    let command: RunningShell | undefined;
    let killed = false;
    const start = (host: ShellHost) => {
      const env = this.env === undefined ? setting?.env : { ...this.env, ...setting?.env };
      command = host.run({ command: work.command, strict: work.strict, capture: work.capture, token, ...(setting ?? {}), ...(env === undefined ? {} : { env }) }, ended);
      if (killed) command.kill();
    };
    if (this.host !== undefined) start(this.host);
    else this.load().then(start, (cause: unknown) => ended(unstarted(cause)));
    return {
      get pid() {
        return command?.pid;
      },
      kill: () => {
        killed = true;
        command?.kill();
      },
    };
  }

  async began(): Promise<void> {
    (this.host ?? (await this.load())).guard();
  }

  end(task: string): void {
    endOffspring(this.token, task);
  }

  private load(): Promise<ShellHost> {
    this.loading ??= import("../shell/index.js").then(
      ({ ShellHost }) => (this.host = new ShellHost({ token: this.token })),
      (error: unknown) => {
        // There were no descriptors to read it with; there may be some the next time.
        this.loading = undefined;
        throw error;
      },
    );
    return this.loading;
  }

  async close(): Promise<void> {
    const host = await this.loading?.catch(() => undefined);
    await host?.close();
  }
}

function unstarted(cause: unknown): ShellAnswer {
  return { code: null, signal: null, stderrTail: "", error: new ShellStartFailed("CW-APP-014", `A shell command could not be started: ${(cause as Error).message}.`, { cause }) };
}
