import { createRequire, syncBuiltinESMExports } from "node:module";
import { nested } from "./offspring.js";

type Environment = Record<string, string | undefined>;
type SyncSpawn = (file: string, ...rest: unknown[]) => unknown;

/** The parts of `node:child_process` that every way to start a process goes through. */
interface ChildProcesses {
  readonly ChildProcess: { readonly prototype: { spawn: (this: unknown, options: { readonly envPairs?: readonly string[] }) => unknown } };
  spawnSync: SyncSpawn;
  execSync: SyncSpawn;
  execFileSync: SyncSpawn;
}

/**
 * Marks every process that a task starts by the task's token, and tells of it before it begins, so that none outlives its
 * task's end by force, its pool or its program. Only this thread's `child_process` is concerned.
 */
export function watchSpawns(task: () => string, began: (task: string) => void): void {
  const processes = createRequire(import.meta.url)("node:child_process") as ChildProcesses;
  const { prototype } = processes.ChildProcess;
  const { spawn } = prototype;
  prototype.spawn = function (options) {
    const token = task();
    began(token);
    const kept = (options.envPairs ?? []).filter((pair) => !/^CARAWAY_(?:HOST|TASK)=/.test(pair));
    return spawn.call(this, { ...options, envPairs: [...kept, ...Object.entries(marks(token)).map(([key, value]) => `${key}=${value}`)] });
  };
  const synchronously = (original: SyncSpawn): SyncSpawn =>
    function (file, ...rest) {
      const token = task();
      began(token);
      const at = rest.findIndex((one) => typeof one === "object" && one !== null && !Array.isArray(one));
      const options = at < 0 ? {} : (rest[at] as { env?: Environment });
      const marked = { ...options, env: { ...(options.env ?? process.env), ...marks(token) } };
      return at < 0 ? original(file, ...rest.filter((one) => one !== undefined), marked) : original(file, ...rest.with(at, marked));
    };
  processes.spawnSync = synchronously(processes.spawnSync);
  processes.execSync = synchronously(processes.execSync);
  processes.execFileSync = synchronously(processes.execFileSync);
  syncBuiltinESMExports();
}

/** `CARAWAY_HOST` is set for the whole worker. */
function marks(token: string): Record<string, string> {
  const { CARAWAY_HOST: host, CARAWAY_TASK: outer } = process.env;
  return { ...(host === undefined ? {} : { CARAWAY_HOST: host }), CARAWAY_TASK: nested(outer, token) };
}
