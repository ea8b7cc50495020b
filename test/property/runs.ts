import { env } from "node:process";

/** How many runs a property gets: so many, or a multiple of them where CARAWAY_PROPERTY_RUNS asks for it (`10x`), or that number. */
export function runs(usual: number): number {
  const asked = env["CARAWAY_PROPERTY_RUNS"];
  if (asked === undefined) return usual;
  return asked.endsWith("x") ? usual * Number(asked.slice(0, -1)) : Number(asked);
}
