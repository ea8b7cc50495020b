import { constants } from "node:os";

/** `"SIGTERM"` for 15. */
export function signalName(number: number): string {
  return Object.entries(constants.signals).find(([, one]) => one === number)?.[0] ?? `signal ${number}`;
}
