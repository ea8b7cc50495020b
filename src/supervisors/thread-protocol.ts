/** So many messages at most are with a thread that it has not begun to handle; the others wait in the mailbox. */
export const actorWindow = 1024;

/** With more than this on its way, in bytes, nothing is sent that can wait or be left out. */
export const mostBacklog = 16 * 1024 * 1024;

/** What a thread finds in `workerData`, beside its port. */
export interface ThreadData {
  readonly module: string;
  /** Where a loader of TypeScript is looked for, if one is needed. */
  readonly typescript: string | undefined;
}

/** The first message of the program. */
export interface ThreadBeginning {
  readonly id: string;
  readonly path: string;
  readonly incarnation: number;
  readonly mailbox: number;
  readonly shutdown: number | "brutal_kill";
  readonly input: unknown;
}
