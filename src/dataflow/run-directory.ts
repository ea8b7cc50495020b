import { mkdirSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** Makes `runinfo/000`, `runinfo/001`, …: the next that nobody has. */
export function makeRunDirectory(parent: string): string {
  const root = resolve(parent);
  mkdirSync(root, { recursive: true });
  const taken = readdirSync(root).filter((name) => /^\d{3,}$/.test(name)).map(Number);
  for (let n = Math.max(-1, ...taken) + 1; ; n++) {
    const path = join(root, String(n).padStart(3, "0"));
    try {
      mkdirSync(path);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}
