interface Sketch {
  readonly seconds?: number;
  readonly parents?: readonly string[];
  readonly children?: readonly string[];
  readonly inputFiles?: readonly string[];
  readonly outputFiles?: readonly string[];
  readonly program?: string;
}

/** A WfFormat 1.5 document of these tasks; parents know their children, and every named file has 1,000 bytes times its name's length. */
export function documentOf(sketches: Readonly<Record<string, Sketch>>): Record<string, unknown> {
  const ids = Object.keys(sketches);
  const files = [...new Set(Object.values(sketches).flatMap(({ inputFiles = [], outputFiles = [] }) => [...inputFiles, ...outputFiles]))];
  const tasks = Object.entries(sketches).map(([id, { parents = [], children, inputFiles = [], outputFiles = [] }]) => ({ id, name: id, parents, children: children ?? ids.filter((other) => sketches[other]?.parents?.includes(id)), inputFiles, outputFiles }));
  const executed = Object.entries(sketches).map(([id, { seconds = 1, program = "work" }]) => ({ id, runtimeInSeconds: seconds, command: { program, arguments: [] }, coreCount: 1 }));
  return {
    name: "sketch",
    schemaVersion: "1.5",
    workflow: { specification: { tasks, files: files.map((id) => ({ id, sizeInBytes: 1000 * id.length })) }, execution: { makespanInSeconds: 12, executedAt: "2020-01-01T00:00:00Z", tasks: executed } },
  };
}

/** Split, work in parallel, join; each step hands files on. */
export const forkJoin = (width: number, seconds = 1): Record<string, unknown> =>
  documentOf({
    split: { seconds, inputFiles: ["data"], outputFiles: Array.from({ length: width }, (_, i) => `part${i}`) },
    ...Object.fromEntries(Array.from({ length: width }, (_, i) => [`work_ID${i}`, { seconds, parents: ["split"], inputFiles: [`part${i}`], outputFiles: [`done${i}`] }])),
    join: { seconds, parents: Array.from({ length: width }, (_, i) => `work_ID${i}`), inputFiles: Array.from({ length: width }, (_, i) => `done${i}`), outputFiles: ["result"] },
  });
