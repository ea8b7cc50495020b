import type { ConfigProblem } from "./check.js";
import { durationFault, type Duration } from "./units.js";

export type Plain = Readonly<Record<string, unknown>>;

export const isPlain = (value: unknown): value is Plain => value !== null && typeof value === "object" && !Array.isArray(value);
export const isDuration = (value: unknown): value is Duration => durationFault(value) === undefined;

export const error = (path: string, message: string): ConfigProblem => ({ path, message, severity: "error", code: "CW-CONF-001" });
export const warning = (path: string, message: string): ConfigProblem => ({ path, message, severity: "warning", code: "CW-CONF-001" });
