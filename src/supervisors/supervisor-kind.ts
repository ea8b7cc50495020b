import type { Cell, CellKind, Performers } from "../actors/cell.js";
import { compile } from "../actors/compile.js";
import type { SupervisorContext, SupervisorEffect } from "../state-machines/supervision.js";
import { supervisorMachine, type SupervisorInput, type SupervisorMessage } from "../state-machines/supervisor.js";

export type SupervisorCell = Cell<SupervisorContext, SupervisorMessage, SupervisorEffect>;

const chart = compile<SupervisorContext, SupervisorMessage, SupervisorEffect, SupervisorInput>(supervisorMachine);

/** What a supervisor's cell needs: who performs its effects, and who is told when it crashes. */
export function supervisorKind(perform: Performers<SupervisorEffect, SupervisorCell>, crashed: (error: unknown) => void): CellKind<SupervisorContext, SupervisorMessage, SupervisorEffect, SupervisorInput, SupervisorCell> {
  return { name: "supervisor", chart, perform, crashed: (_cell, error) => crashed(error) };
}
