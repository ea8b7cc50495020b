/** Who may import whom, as docs/concurrency.md and the design say it; folders that are not named may import anything below them. */
const src = (...folders) => `^src/(${folders.join("|")})/`;

/** A folder's modules may import only their own folder and those named. */
const only = (folder, allowed, comment, extra = {}) => ({
  name: `${folder}-imports-only-what-it-may`,
  severity: "error",
  comment,
  from: { path: src(folder) },
  to: { path: "^src/", pathNot: allowed.length === 0 ? src(folder) : src(folder, ...allowed), ...extra },
});

/** Folders that must not know others. */
const never = (from, to, comment, options = {}) => ({
  name: `${from.join("-and-")}-never-import-${to.join("-or-")}`,
  severity: "error",
  comment,
  from: { path: src(...from), ...options.from },
  to: { path: src(...to), ...options.to },
});

module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", comment: "A cycle has no bottom to understand it from.", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    { name: "no-unresolved", severity: "error", comment: "An import leads somewhere.", from: {}, to: { couldNotResolve: true } },
    { name: "no-development-dependencies", severity: "error", comment: "What ships needs only what is installed with it.", from: { path: "^src/" }, to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] } },

    only("errors", [], "errors imports no other folder."),
    { ...only("state-machines", [], "Charts import no other folder; types of errors at most."), to: { path: "^src/", pathNot: [src("state-machines"), src("errors")] } },
    never(["state-machines"], ["errors"], "Charts import types of errors at most.", { to: { dependencyTypesNot: ["type-only"] } }),
    { name: "state-machines-do-no-io", severity: "error", comment: "Charts do no I/O.", from: { path: src("state-machines") }, to: { dependencyTypes: ["core"] } },

    only("actors", ["errors", "state-machines"], "actors imports state-machines and errors."),
    never(["actors"], ["state-machines"], "What runs charts knows none; but a link runs its own.", { from: { pathNot: "^src/actors/links/socket-link\\.ts$" }, to: { dependencyTypesNot: ["type-only"] } }),
    only("supervisors", ["actors", "errors", "state-machines", "config"], "supervisors imports actors, the charts it runs, errors and units."),

    never(["serialization", "journal", "mpi", "config"], ["executors", "dataflow"], "They know neither executors nor the kernel."),
    never(["providers", "executors"], ["dataflow"], "What carries work does not know where it comes from."),
    {
      name: "dataflow-sees-executors-through-one-interface",
      severity: "error",
      comment: "The kernel knows executors by their interface; only dataflow/executors.ts and hosts.ts start particular ones.",
      from: { path: src("dataflow"), pathNot: "^src/dataflow/(executors|hosts)\\.ts$" },
      to: { path: src("executors"), pathNot: "^src/executors/executor\\.ts$", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "nothing-imports-monitoring-or-inspector",
      severity: "error",
      comment: "Observers subscribe; nothing but the command and the public face knows them.",
      from: { path: "^src/", pathNot: ["^src/(monitoring|inspector|cli)/", "^src/index\\.ts$"] },
      to: { path: src("monitoring", "inspector") },
    },
    { name: "nothing-imports-the-public-face", severity: "error", comment: "index.ts is for users.", from: { path: "^src/" }, to: { path: "^src/index\\.ts$" } },
    never(["actors", "state-machines", "supervisors", "dataflow", "executors", "serialization", "data", "errors", "config", "monitoring", "testing"], ["cli"], "The command is on top."),
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types", "default"], extensions: [".ts", ".js"] },
  },
};
