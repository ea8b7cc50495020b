import { resolveRetries } from "../config/resolve.js";
import { parseDuration } from "../config/units.js";
import type { AppDefinition, CallPlan } from "./app-definition.js";
import type { TaskTable } from "./task-table.js";
import type { AppOptions, BashAppOptions } from "./types.js";

const none: AppOptions = Object.freeze({});

/** Turns options into plans, once for each app and set of options. */
export class Plans {
  private readonly byApp = new WeakMap<AppDefinition, WeakMap<AppOptions, CallPlan>>();

  constructor(private readonly table: TaskTable) {}

  of(app: AppDefinition, options: AppOptions = none): CallPlan {
    let plans = this.byApp.get(app);
    if (plans === undefined) this.byApp.set(app, (plans = new WeakMap()));
    let plan = plans.get(options);
    if (plan === undefined) plans.set(options, (plan = this.make(app, options)));
    return plan;
  }

  private make(app: AppDefinition, options: BashAppOptions): CallPlan {
    const { outputs, inputs, stdout, stderr, env, cwd, signal, resources, executors, walltime, cache } = options;
    const retries = options.retries === undefined ? this.table.config.retries : { ...this.table.config.retries, ...resolveRetries(options.retries), lost: typeof options.retries === "object" && options.retries.lost !== undefined ? options.retries.lost : this.table.config.retries.lost };
    return {
      app,
      table: this.table,
      counts: this.table.statistics.of(app.name),
      options,
      spec: {
        // A join app's body is not tried again: what it started would run twice.
        retries: app.kind === "join" || app.kind === "lift" ? 0 : retries.app,
        lost: retries.lost,
        memoized: cache === true && this.table.config.cache,
        stages: app.kind === "bash" || outputs !== undefined,
        publishes: outputs !== undefined,
        joins: app.kind === "join",
      },
      retries,
      walltime: walltime === undefined ? 0 : parseDuration(walltime, `walltime of ${app.name}`),
      priority: options.priority,
      returns: options.returns ?? "exit",
      strict: options.strict ?? true,
      allowed: labelTest(executors),
      plain: outputs === undefined && inputs === undefined && stdout === undefined && stderr === undefined && env === undefined && cwd === undefined && signal === undefined && resources === undefined,
    };
  }
}

function labelTest(executors: AppOptions["executors"]): (label: string) => boolean {
  if (executors === undefined || executors === "all") return () => true;
  if (typeof executors === "function") return executors;
  const labels = new Set(typeof executors === "string" ? [executors] : executors);
  return (label) => labels.has(label);
}
