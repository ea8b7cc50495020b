import { AppExit } from "../../errors/index.js";
import { currentScope, type TaskScope } from "./task-scope.js";

/** What a task left behind cannot end the worker under the next task: its `process.exit` throws, and is told of as a late error. */
export function refuseLateExits(current: () => TaskScope | undefined): void {
  const exit = process.exit.bind(process);
  process.exit = (code) => {
    const scope = currentScope();
    if (scope === undefined || scope === current()) return exit(code);
    throw new AppExit("CW-APP-006", `${scope.app} (task ${scope.id}) called process.exit(${code ?? ""}) after it had ended`, { where: { task: scope.id, attempt: scope.attempt, app: scope.app }, evidence: { exitCode: code } });
  };
}
