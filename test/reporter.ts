import process from "node:process";
import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** The last line of a run: how many tests passed, failed and were skipped. A file that cannot be loaded and an error outside any test each count as a failure. */
export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const count = (...wanted: string[]): number => states.filter((state) => wanted.includes(state)).length;
    const broken = modules.flatMap((module) => [...module.errors(), ...[...module.children.allSuites()].flatMap((suite) => suite.errors())]).length;
    process.stdout.write(`${count("passed")} passed, ${count("failed") + broken + unhandled.length} failed, ${count("skipped", "pending")} skipped\n`);
  }
}
