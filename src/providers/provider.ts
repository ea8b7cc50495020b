/** The states of a job in PSI/J's words. A job whose state is not known is `unknown`; that never means gone. */
export type JobState = "new" | "queued" | "held" | "active" | "completed" | "failed" | "cancelled" | "unknown";

/** Why a job ended otherwise than by itself, where its scheduler says so. */
export type JobEndReason = "timed-out" | "node-failed" | "preempted" | "out-of-memory";

/** A job to submit: one command on some nodes. */
export interface JobSpec {
  /** Unique for all time: letters, digits, `.`, `-` and `_`. A job whose submission was not answered is found by it. */
  readonly name: string;
  /** The command of one manager: arguments, not a shell line. The provider's launcher starts it on every node. */
  readonly command: readonly string[];
  readonly nodes: number;
  /** Milliseconds; 0: no limit. */
  readonly walltime: number;
  /** Where the job's script, output and exit code are kept; exists. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** What a provider knows of one job. */
export interface JobReport {
  readonly state: JobState;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly reason?: JobEndReason | undefined;
  /** The scheduler's own words. */
  readonly message?: string | undefined;
}

/** The last of what a job wrote. */
export interface JobOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** Whatever jobs are obtained from. Every call ends by a deadline of its own. */
export interface Provider {
  /** `"local"`, `"slurm"`, … */
  readonly kind: string;
  /** Milliseconds between two looks at the queue. */
  readonly statusInterval: number;
  /**
   * Submits a job; resolves with the scheduler's id of it.
   *
   * @throws SubmitException whose `outcome` is `"refused"` (there is no job) or `"unknown"` (there may be one: see `find`).
   */
  submit(job: JobSpec): Promise<string>;
  /** One look for all of them. What the scheduler does not list is left out. Rejects where the look itself failed: that says nothing of any job. */
  status(ids: readonly string[]): Promise<ReadonlyMap<string, JobReport>>;
  /**
   * The id of the job of this name, undefined where there certainly is none (any more). Rejects where that cannot be told now: also as long
   * as a submission may still be on its way. `since` says when it was submitted, in milliseconds of the epoch, where another process did it.
   */
  find(name: string, since?: number): Promise<string | undefined>;
  /** Ends jobs. Those that have ended are passed over. Resolves when the scheduler has taken note; the end itself shows in `status`. */
  cancel(ids: readonly string[]): Promise<void>;
  output(id: string, job: JobSpec): Promise<JobOutput>;
  /** Releases what the provider holds; leaves jobs alone. */
  close(): Promise<void>;
}
