export { ShellHost, type RunningShell, type ShellHostOptions, type ShellSpec } from "./shell-host.js";
export type { ShellOutcome } from "./shell-command.js";
