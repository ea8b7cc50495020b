import type { ErrorCode } from "../errors/index.js";
import type { core } from "zod";
import { crossChecks } from "./cross-checks.js";
import { pathText } from "./show.js";
import { nearest } from "./suggest.js";

/** One thing that is wrong with a configuration. `path` and `message` read as one sentence. */
export interface ConfigProblem {
  /** Where it is, as one would write it: `executors[0].maxThreads`; empty for the whole. */
  readonly path: string;
  readonly message: string;
  /** What was probably meant. */
  readonly suggestion?: string;
  /** A warning does not keep a kernel from starting. */
  readonly severity: "error" | "warning";
  readonly code: ErrorCode;
}

/** Parsl's names for what is called otherwise here. */
const renamed: Readonly<Record<string, string>> = {
  app_cache: "cache", retry_handler: "retries: { cost }", max_idletime: "maxIdleTime", initialize_logging: "logger",
  checkpoint_mode: "journal", checkpoint_files: "journal", checkpoint_period: "journal", executor: "executors", thread_name_prefix: "label", timeout: "walltime",
};

/** Everything that is wrong with a configuration, all of it at once; empty where nothing is. */
export async function checkConfig(config: unknown): Promise<ConfigProblem[]> {
  const { configSchema, shapes } = await import("./schema.js");
  const issues = configSchema.safeParse(config, { reportInput: true }).error?.issues ?? [];
  const keysOf = (shape: string): string[] => Object.keys(shapes.get(shape) ?? {});
  return [...issues.flatMap((issue) => problemsOf(issue, keysOf)), ...crossChecks(config)];
}

/** One line of plain text for a problem. */
export function describeProblem({ path, message, suggestion }: ConfigProblem): string {
  const sentence = `${path === "" ? "the configuration" : path} ${message}`;
  return suggestion === undefined ? sentence : `${sentence}; did you mean ${suggestion}?`;
}

function problemsOf(issue: core.$ZodIssue, keysOf: (shape: string) => string[]): ConfigProblem[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(issue.path, key, issue.message, keysOf(issue.message)));
  const params = (issue.code === "custom" ? issue.params : undefined) ?? {};
  const problem = { path: pathText(issue.path), message: issue.message, severity: "error", code: params["later"] === true ? "CW-CONF-002" : "CW-CONF-001" } as const;
  const word: unknown = params["word"] ?? issue.input;
  const choices = params["choices"] as readonly string[] | undefined;
  const meant = choices && typeof word === "string" ? nearest(word, choices) : undefined;
  return [meant === undefined ? problem : { ...problem, suggestion: JSON.stringify(meant) }];
}

function unknownKey(path: readonly PropertyKey[], key: string, shape: string, known: readonly string[]): ConfigProblem {
  const meant = renamed[key] ?? nearest(key, known);
  const owner = shape === "config" || shape === "profile" ? "a configuration" : shape;
  const problem = { path: pathText([...path, key]), message: `is not an option of ${owner}`, severity: "error", code: "CW-CONF-001" } as const;
  return meant === undefined ? problem : { ...problem, suggestion: meant };
}
