import type { SupervisorHandle } from "./handle.js";
import type { Home } from "./home.js";
import { LogicalRef } from "./logical-ref.js";

/** The ref of a child that is a supervisor. */
export class SupervisorRef extends LogicalRef {
  constructor(
    home: Home,
    before: number,
    private readonly handle: SupervisorHandle,
  ) {
    super(home, before);
  }

  override get supervisor(): SupervisorHandle {
    return this.handle;
  }
}
