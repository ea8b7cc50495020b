import { execFileSync } from "node:child_process";
import { join } from "node:path";

const home = join(process.env["CARAWAY_TEST_HOSTS"] ?? "/var/tmp/caraway-test-hosts", "slurm");

/** Why the tests of a real Slurm cannot run here; undefined where they can. Its commands then find it. */
export function noSlurm(): string | undefined {
  const before = process.env["SLURM_CONF"];
  process.env["SLURM_CONF"] = join(home, "slurm.conf");
  try {
    execFileSync("scontrol", ["ping"], { timeout: 10_000, stdio: "pipe" });
    return undefined;
  } catch {
    if (before === undefined) delete process.env["SLURM_CONF"];
    else process.env["SLURM_CONF"] = before;
    return "Slurm is not up: run scripts/test-hosts";
  }
}

/** Slurm's own word. */
export const scontrol = (...args: readonly string[]): string => execFileSync("scontrol", args, { timeout: 20_000, encoding: "utf8" });
