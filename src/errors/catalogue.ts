/** Where the fault lies: with the app, with what it runs on, with what was asked for, or with caraway itself. */
export type ErrorOrigin = "app" | "infrastructure" | "configuration" | "internal";

export interface CatalogueEntry {
  /** The class that carries the code. */
  readonly name: string;
  readonly origin: ErrorOrigin;
  /** Whether another attempt may end differently. */
  readonly retryable: boolean;
  /** One line for lists. */
  readonly title: string;
  /** What to do about it, where the thrower knows nothing better. */
  readonly hint: string;
}

const entry = (name: string, origin: ErrorOrigin, retryable: boolean, title: string, hint: string): CatalogueEntry => ({ name, origin, retryable, title, hint });

/** Every code caraway can report. A code never changes its meaning; a retired one is never used again. */
export const catalogue = {
  "CW-APP-001": entry("BashExitFailure", "app", true, "a shell command ended with a non-zero exit code or a signal", "Read the last lines of stderr in `evidence`; run the command by hand in the task's directory."),
  "CW-APP-002": entry("AppTimeout", "app", true, "an attempt ran longer than its walltime", "Raise `walltime`, or give the task less to do."),
  "CW-APP-003": entry("MissingOutputs", "app", true, "a task ended without one of its declared outputs", "Write each output to the path the body was given in `outputs`."),
  "CW-APP-004": entry("BashAppNoReturn", "app", false, "the body of a bash app returned no command", "Return sh`…` or a string from the body."),
  "CW-APP-005": entry("BadStdStreamFile", "app", false, "a stdout or stderr file could not be opened", "Check that the directory exists and can be written to."),
  "CW-APP-006": entry("AppExit", "app", true, "a task ended its worker by process.exit", "Return a value or throw an error; process.exit ends the worker, not the task."),
  "CW-APP-007": entry("MemoryExceeded", "app", true, "a task used up the memory of its worker", "Raise `resourceLimits.maxOldGenerationSizeMb`, or work on less data at once."),
  "CW-APP-008": entry("AppNotFound", "app", false, "a module has no such app, or could not be loaded", "Check the name and the URL given to appsFrom."),
  "CW-APP-009": entry("InvalidApp", "app", false, "what was given cannot be made an app", "Give a plain function; see the reasons in the message."),
  "CW-APP-010": entry("OutsideVariable", "app", false, "a shipped function uses a variable from outside itself", "Pass it as an argument, ship it with `using: { … }`, or move the function to a module and use appsFrom."),
  "CW-APP-011": entry("InvalidOption", "app", false, "an app or a call was given an option that does not exist or has a wrong value", "See the options of apps in the documentation."),
  "CW-APP-012": entry("BadCommandOutput", "app", true, "the output of a shell command was not what `returns` asked for", "Print valid JSON, or use returns: \"stdout\"."),
  "CW-APP-013": entry("ForeignThrow", "app", true, "a task threw something that is not an Error", "Throw an Error: it carries a message and a stack."),
  "CW-APP-014": entry("ShellStartFailed", "app", false, "a shell command could not be started", "Check that `cwd` exists and that /bin/bash can be run."),
  "CW-TASK-001": entry("DependencyError", "app", false, "a task was not run since something it depends on failed", "Mend the root cause, shown as `cause`."),
  "CW-TASK-002": entry("JoinError", "app", false, "a future that a join app returned failed", "Mend the root cause, shown as `cause`."),
  "CW-TASK-003": entry("TaskCancelled", "app", false, "a task was cancelled", "Nothing, if it was meant; the reason is in the message."),
  "CW-TASK-004": entry("TaskPoisoned", "infrastructure", false, "a task was lost with its worker more often than `lost` allows", "Look at what the lost workers have in common: this task may be what kills them."),
  "CW-TASK-005": entry("InvalidJoin", "app", false, "the body of a join app returned something that is not futures", "Return a future, an array or a record of futures."),
  "CW-TASK-006": entry("RetryHandlerFailed", "app", false, "the retry cost or back-off function threw", "Mend the function given as `retries.cost` or `retries.backoff`."),
  "CW-TASK-007": entry("NotSettled", "app", false, "the value of a future was asked for before its task had ended", "Await the future, or ask for its value once `settled` has resolved."),
  "CW-DATA-001": entry("SerializationError", "app", false, "a value cannot travel to or from a worker", "Pass plain data, or register a codec for the class."),
  "CW-DATA-002": entry("DeserializationError", "app", false, "bytes could not be turned back into a value", "Check that both sides have the same codecs registered."),
  "CW-DATA-003": entry("InvalidWorkflowDocument", "configuration", false, "a recorded workflow is not valid WfFormat", "Mend each place in the message, or record the workflow again."),
  "CW-DATA-004": entry("RecordingUnreadable", "configuration", false, "a recording of a run cannot be read", "Give a file that recordTransitions() wrote."),
  "CW-EXEC-001": entry("WorkerLost", "infrastructure", true, "a worker died under a task", "Nothing: the task is run again, up to `lost` times."),
  "CW-EXEC-002": entry("BadStateException", "infrastructure", false, "an executor failed and takes no more work", "See the evidence; mend the cause and add the executor again."),
  "CW-EXEC-003": entry("InvalidResourceSpecification", "configuration", false, "a task asks for resources its executor does not have", "Ask for less, or give `executors` with a label that has them."),
  "CW-EXEC-004": entry("UnknownExecutor", "configuration", false, "no executor has that label", "Use one of the labels in the message."),
  "CW-EXEC-005": entry("UnsupportedFeature", "configuration", false, "an executor cannot do what a task asks for", "Use `isolation: \"process\"`, or another executor."),
  "CW-EXEC-006": entry("ManagerLost", "infrastructure", true, "the process that hosts a pool died", "Nothing: its tasks are run again, up to `lost` times."),
  "CW-EXEC-007": entry("PoolStartFailed", "infrastructure", false, "a worker pool could not start", "See the evidence for what its process or thread printed."),
  "CW-EXEC-008": entry("InterchangeLost", "infrastructure", true, "the interchange of an executor ended", "Nothing: it is started again, and its managers register again with what they run."),
  "CW-BLOCK-001": entry("SubmitException", "infrastructure", true, "a provider could not submit the job of a block", "See the scheduler's own words in `evidence`."),
  "CW-BLOCK-002": entry("ScaleOutFailed", "infrastructure", false, "an executor could not obtain the blocks it needs", "See the exit codes and the last output of the blocks in `evidence`."),
  "CW-BLOCK-003": entry("BlockNeverRegistered", "infrastructure", true, "the job of a block ran, and no manager of it registered", "See its output, the addresses it tried and the likely causes in `evidence`."),
  "CW-BLOCK-004": entry("SchedulerQueryFailed", "infrastructure", true, "a scheduler could not be asked for the states of its jobs", "Nothing is concluded from it; see the scheduler's own words."),
  "CW-BLOCK-005": entry("BadLauncher", "configuration", false, "a launcher cannot start what it was given", "See the launcher's documentation."),
  "CW-BLOCK-006": entry("JobLedgerFailed", "infrastructure", false, "the ledger of jobs cannot be read or written", "See the reason in `evidence`; no job is submitted that is not in it."),
  "CW-BLOCK-007": entry("BlockUnavailable", "infrastructure", true, "an actor was to be started on a block that has ended, or is not there", "Ask the kernel for a block that runs: await kernel.block(label)."),
  "CW-LINK-001": entry("LinkRefused", "infrastructure", false, "a link could not be made", "See which address was tried and what it answered."),
  "CW-LINK-002": entry("VersionMismatch", "configuration", false, "the two ends of a link speak different versions", "Install the same version of caraway on both machines."),
  "CW-LINK-003": entry("BadFrame", "infrastructure", false, "what came over a link is not a valid frame", "The link was closed; if both ends are caraway, please report it."),
  "CW-LINK-004": entry("KeyRefused", "configuration", false, "a key file cannot be trusted", "Key files are 0600 in a directory 0700, and belong to this user."),
  "CW-LINK-005": entry("LinkLost", "infrastructure", true, "a link ended", "See the evidence for how it ended."),
  "CW-LINK-006": entry("ServersUnreachable", "infrastructure", true, "no server of a messaging system can be used", "See what each server answered; what was given out runs on while its leases last."),
  "CW-LINK-007": entry("StreamRefused", "configuration", false, "the servers of a messaging system do not keep messages", "See what they said: JetStream must be enabled there, with room for what is to be kept; or leave out `jetstream`."),
  "CW-CONF-001": entry("ConfigurationError", "configuration", false, "the configuration is not valid", "See each problem in the message; `caraway check` shows them all."),
  "CW-CONF-002": entry("NotYetSupported", "configuration", false, "this part of the interface is not built yet", "Leave the option out for now."),
  "CW-CONF-003": entry("NoDataFlowKernelError", "configuration", false, "an app was called and no kernel is running", "Call apps inside withKernel(…), after load(), or through app.on(kernel)."),
  "CW-KERN-001": entry("KernelClosed", "configuration", false, "the kernel takes no more work", "Submit before close(), or start another kernel."),
  "CW-KERN-002": entry("WaitTimeout", "infrastructure", false, "waiting took longer than its time limit", "See the evidence for what was still open; `why(id)` explains one task."),
  "CW-SUP-001": entry("SupervisionError", "configuration", false, "a supervisor refused a call or a specification", "The reason is OTP's word; see the supervision page."),
  "CW-SUP-002": entry("AskTimeout", "infrastructure", true, "an actor did not answer in time", "Raise the time limit, or look at what the actor is doing."),
  "CW-SUP-003": entry("ThreadLost", "infrastructure", false, "the thread of an actor ended under it", "See the evidence: the exit code, or the memory it may use (resourceLimits)."),
  "CW-SUP-004": entry("NodeLost", "infrastructure", true, "the node of an actor was lost", "Nothing where its supervisor restarts it; see the output of its block for what ended it."),
  "CW-INT-001": entry("InternalConsistencyError", "internal", false, "caraway broke one of its own rules", "This is a fault of caraway: please report it with the story attached."),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof catalogue;
