// Parsl beside us, where there is a checkout of it: CARAWAY_BENCH_PARSL names its directory. Python and the packages it imports are the
// system's; where typeguard is missing or too old for Parsl, a stand-in that checks nothing takes its place, to Parsl's advantage.
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { NotBuilt } from "./contenders.mjs";

const program = fileURLToPath(new URL("./programs/parsl_htex.py", import.meta.url));
const python = process.env.CARAWAY_BENCH_PYTHON ?? "/usr/bin/python3";

const typeguard = "def typechecked(f=None, *args, **options):\n    return f if callable(f) else (lambda g: g)\n";
const site = "try:\n    import typing, typing_extensions\n    typing_extensions.ParamSpec = typing.ParamSpec\nexcept ImportError:\n    pass\n";

/** The program that measures a case, and the environment it needs. @param {object} what */
export function parslProgram(what) {
  const checkout = process.env.CARAWAY_BENCH_PARSL;
  if (checkout === undefined) throw new NotBuilt("CARAWAY_BENCH_PARSL names no checkout of Parsl");
  const shims = mkdtempSync(join(tmpdir(), "caraway-bench-parsl-"));
  writeFileSync(join(shims, "typeguard.py"), typeguard);
  writeFileSync(join(shims, "sitecustomize.py"), site);
  const bin = join(shims, "bin");
  mkdirSync(bin);
  for (const name of ["interchange", "process_worker_pool"]) {
    writeFileSync(join(bin, `${name}.py`), `#!/bin/sh\nexec ${python} -m parsl.executors.high_throughput.${name} "$@"\n`);
    chmodSync(join(bin, `${name}.py`), 0o755);
  }
  const env = { ...process.env, PYTHONPATH: [shims, checkout].join(delimiter), PATH: [bin, process.env.PATH].join(delimiter) };
  return { command: python, args: [program, JSON.stringify(what)], env };
}

/** @param {object} what @returns {Promise<Record<string, number>>} */
export async function measureParsl(what) {
  const { command, args, env } = parslProgram(what);
  const { stdout } = await promisify(execFile)(command, args, { env, timeout: 150_000 });
  return JSON.parse(stdout);
}
