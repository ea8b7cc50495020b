import { CarawayError, registerErrorClass } from "./caraway-error.js";

/** `CW-APP-001`: a shell command ended with a non-zero exit code or a signal. */
export class BashExitFailure extends CarawayError {}
/** `CW-APP-002`: an attempt ran longer than its walltime. */
export class AppTimeout extends CarawayError {}
/** `CW-APP-003`: a task ended without one of its declared outputs. */
export class MissingOutputs extends CarawayError {}
/** `CW-APP-004`: the body of a bash app returned no command. */
export class BashAppNoReturn extends CarawayError {}
/** `CW-APP-005`: a stdout or stderr file could not be opened. */
export class BadStdStreamFile extends CarawayError {}
/** `CW-APP-006`: a task ended its worker by process.exit. */
export class AppExit extends CarawayError {}
/** `CW-APP-007`: a task used up the memory of its worker. */
export class MemoryExceeded extends CarawayError {}
/** `CW-APP-008`: a module has no such app, or could not be loaded. */
export class AppNotFound extends CarawayError {}
/** `CW-APP-009`: what was given cannot be made an app. */
export class InvalidApp extends CarawayError {}
/** `CW-APP-010`: a shipped function uses a variable from outside itself. */
export class OutsideVariable extends CarawayError {}
/** `CW-APP-011`: an app or a call was given an option that does not exist or has a wrong value. */
export class InvalidOption extends CarawayError {}
/** `CW-APP-012`: the output of a shell command was not what `returns` asked for. */
export class BadCommandOutput extends CarawayError {}
/** `CW-APP-013`: a task threw something that is not an Error. */
export class ForeignThrow extends CarawayError {}
/** `CW-APP-014`: a shell command could not be started. */
export class ShellStartFailed extends CarawayError {}
/** `CW-TASK-001`: a task was not run since something it depends on failed. */
export class DependencyError extends CarawayError {}
/** `CW-TASK-002`: a future that a join app returned failed. */
export class JoinError extends CarawayError {}
/** `CW-TASK-003`: a task was cancelled. */
export class TaskCancelled extends CarawayError {}
/** `CW-TASK-004`: a task was lost with its worker more often than `lost` allows. */
export class TaskPoisoned extends CarawayError {}
/** `CW-TASK-005`: the body of a join app returned something that is not futures. */
export class InvalidJoin extends CarawayError {}
/** `CW-TASK-006`: the retry cost or back-off function threw. */
export class RetryHandlerFailed extends CarawayError {}
/** `CW-TASK-007`: the value of a future was asked for before its task had ended. */
export class NotSettled extends CarawayError {}
/** `CW-DATA-001`: a value cannot travel to or from a worker. */
export class SerializationError extends CarawayError {}
/** `CW-DATA-002`: bytes could not be turned back into a value. */
export class DeserializationError extends CarawayError {}
/** `CW-DATA-003`: a recorded workflow is not valid WfFormat. */
export class InvalidWorkflowDocument extends CarawayError {}
/** `CW-EXEC-001`: a worker died under a task. */
/** A recording of a run cannot be read. */
export class RecordingUnreadable extends CarawayError {}
export class WorkerLost extends CarawayError {}
/** `CW-EXEC-002`: an executor failed and takes no more work. */
export class BadStateException extends CarawayError {}
/** `CW-EXEC-003`: a task asks for resources its executor does not have. */
export class InvalidResourceSpecification extends CarawayError {}
/** `CW-EXEC-004`: no executor has that label. */
export class UnknownExecutor extends CarawayError {}
/** `CW-EXEC-005`: an executor cannot do what a task asks for. */
export class UnsupportedFeature extends CarawayError {}
/** `CW-EXEC-006`: the process that hosts a pool died. */
export class ManagerLost extends CarawayError {}
/** `CW-EXEC-007`: a worker pool could not start. */
export class PoolStartFailed extends CarawayError {}
/** `CW-EXEC-008`: the interchange of an executor ended. */
export class InterchangeLost extends CarawayError {}
/** `CW-BLOCK-001`: a provider could not submit the job of a block. */
export class SubmitException extends CarawayError {
  /** `"refused"`: there is no job. `"unknown"`: there may be one. */
  get outcome(): "refused" | "unknown" {
    return this.evidence["outcome"] === "refused" ? "refused" : "unknown";
  }
}
/** `CW-BLOCK-002`: an executor could not obtain the blocks it needs. */
export class ScaleOutFailed extends CarawayError {}
/** `CW-BLOCK-003`: the job of a block ran, and no manager of it registered. */
export class BlockNeverRegistered extends CarawayError {}
/** `CW-BLOCK-004`: a scheduler could not be asked for the states of its jobs. */
export class SchedulerQueryFailed extends CarawayError {}
/** `CW-BLOCK-005`: a launcher cannot start what it was given. */
export class BadLauncher extends CarawayError {}
/** `CW-BLOCK-006`: the ledger of jobs cannot be read or written. */
export class JobLedgerFailed extends CarawayError {
  /** `"locked"`: another process has it. `"foreign"`: the file is no ledger. `"broken"`: the disk did not take what was written. */
  get reason(): "locked" | "foreign" | "broken" {
    const { reason } = this.evidence;
    return reason === "locked" || reason === "foreign" ? reason : "broken";
  }
}
/** `CW-BLOCK-007`: an actor was to be started on a block that has ended, or is not there. */
export class BlockUnavailable extends CarawayError {}
/** `CW-LINK-001`: a link could not be made. */
export class LinkRefused extends CarawayError {}
/** `CW-LINK-002`: the two ends of a link speak different versions. */
export class VersionMismatch extends CarawayError {}
/** `CW-LINK-003`: what came over a link is not a valid frame. */
export class BadFrame extends CarawayError {}
/** `CW-LINK-004`: a key file cannot be trusted. */
export class KeyRefused extends CarawayError {}
/** `CW-LINK-005`: a link ended. */
export class LinkLost extends CarawayError {}
/** `CW-LINK-006`: no server of a messaging system can be used. */
export class ServersUnreachable extends CarawayError {}
/** `CW-LINK-007`: the servers of a messaging system do not keep messages. */
export class StreamRefused extends CarawayError {}
/** `CW-CONF-001`: the configuration is not valid. */
export class ConfigurationError extends CarawayError {}
/** `CW-CONF-002`: this part of the interface is not built yet. */
export class NotYetSupported extends CarawayError {}
/** `CW-CONF-003`: an app was called and no kernel is running. */
export class NoDataFlowKernelError extends CarawayError {}
/** `CW-KERN-001`: the kernel takes no more work. */
export class KernelClosed extends CarawayError {}
/** `CW-KERN-002`: waiting took longer than its time limit. */
export class WaitTimeout extends CarawayError {}
/** `CW-SUP-001`: a supervisor refused a call or a specification. */
export class SupervisionError extends CarawayError {
  /** OTP's word: `already_present`, `not_found`, `invalid_restart`, … */
  get reason(): string {
    const { reason } = this.evidence;
    return typeof reason === "string" ? reason : "";
  }
}
/** `CW-SUP-002`: an actor did not answer in time. */
export class AskTimeout extends CarawayError {}
/** `CW-SUP-003`: the thread of an actor ended under it. */
export class ThreadLost extends CarawayError {}
/** `CW-SUP-004`: the node of an actor was lost. */
export class NodeLost extends CarawayError {}
/** `CW-INT-001`: caraway broke one of its own rules. */
export class InternalConsistencyError extends CarawayError {}

for (const Class of [BashExitFailure, AppTimeout, MissingOutputs, BashAppNoReturn, BadStdStreamFile, AppExit, MemoryExceeded, AppNotFound, InvalidApp, OutsideVariable, InvalidOption, BadCommandOutput, ForeignThrow, ShellStartFailed, DependencyError, JoinError, TaskCancelled, TaskPoisoned, InvalidJoin, RetryHandlerFailed, NotSettled, SerializationError, DeserializationError, InvalidWorkflowDocument, RecordingUnreadable, WorkerLost, BadStateException, InvalidResourceSpecification, UnknownExecutor, UnsupportedFeature, ManagerLost, PoolStartFailed, InterchangeLost, SubmitException, ScaleOutFailed, BlockNeverRegistered, SchedulerQueryFailed, BadLauncher, JobLedgerFailed, BlockUnavailable, LinkRefused, VersionMismatch, BadFrame, KeyRefused, LinkLost, ServersUnreachable, StreamRefused, ConfigurationError, NotYetSupported, NoDataFlowKernelError, KernelClosed, WaitTimeout, SupervisionError, AskTimeout, ThreadLost, NodeLost, InternalConsistencyError]) registerErrorClass(Class);
