import { BlockNeverRegistered, type CarawayError, ScaleOutFailed, SubmitException } from "../../errors/index.js";
import type { JobOutput } from "../../providers/provider.js";
import type { BlockEnd } from "../../state-machines/block.js";
import type { ReportedJob } from "../../state-machines/job.js";

/** What is known of a block of which no manager registered. */
export interface FailedBlock {
  readonly executor: string;
  readonly block: string;
  readonly reason: BlockEnd;
  readonly jobName: string;
  readonly jobId: string | undefined;
  readonly report: ReportedJob | undefined;
  readonly output: JobOutput;
  readonly addresses: readonly string[];
  /** What kept it from being prepared or submitted. */
  readonly error: unknown;
  /** Milliseconds that its managers were waited for. */
  readonly waited: number;
}

/** The end of what a job wrote, for a report. */
const tailLength = 2048;
const tail = (text: string): string => (text.length <= tailLength ? text : `…${text.slice(-tailLength)}`);
const lastLine = (text: string): string | undefined => text.trimEnd().split("\n").at(-1)?.trim() || undefined;

/** What the manager says itself when it cannot go on: `caraway-manager: CW-LINK-001 …`. */
const ownWords = /^.*caraway-manager: (CW-[A-Z]+-\d{3})[: ]*(.*)$/m;
const meanings: Readonly<Record<string, string>> = {
  "CW-LINK-001": "the head could not be reached from the node, or refused the link",
  "CW-LINK-002": "the node has another version of caraway than the head",
  "CW-LINK-003": "something else than caraway answers at the address, or the network alters what passes",
  "CW-LINK-004": "the block's key file is missing on the node, is not readable only by its owner, or is not the head's",
  "CW-LINK-005": "the link to the head broke before the manager was accepted",
  "CW-LINK-006": "the node cannot use the servers that link it to the head",
};

type Clue = (text: string, block: FailedBlock) => string | undefined;
const at = ({ addresses }: FailedBlock): string => (addresses.length === 0 ? "" : ` (${addresses.join(", ")})`);

/** In the order of how sure they are. */
const clues: readonly Clue[] = [
  (text, block) => {
    const [, code = "", words = ""] = ownWords.exec(text) ?? [];
    if (code === "") return undefined;
    return `${meanings[code] ?? "the manager gave up"}${code === "CW-LINK-001" ? at(block) : ""}: ${code}${words === "" ? "" : ` ${words}`}`;
  },
  (text, { report }) => {
    const missing = /^.*\bnode\b.*(?:command not found|No such file or directory|not found).*$/im.exec(text)?.[0] ?? /^.*command not found.*$/m.exec(text)?.[0];
    if (missing !== undefined) return `Node.js is not on the PATH of the job: "${missing.trim()}"`;
    return report?.exitCode === 127 ? "a command of the job's script does not exist on the node (exit code 127): most likely Node.js is not on its PATH" : undefined;
  },
  (text) => matched(/^.*(?:Cannot find (?:module|package)|ERR_MODULE_NOT_FOUND).*$/m, text, "caraway is not at the same path on the node"),
  (text) => matched(/^.*(?:SyntaxError|Unsupported engine|ERR_UNKNOWN_BUILTIN_MODULE|bad option:).*$/m, text, "the node's version of Node.js is too old"),
  (text) => matched(/^.*No such file or directory.*$/m, text, "a file that the job needs is not there on the node"),
  (text, { report }) => matched(/^.*Permission denied.*$/m, text, "the node does not let the job run or read something") ?? (report?.exitCode === 126 ? "a command of the job's script cannot be run on the node (exit code 126)" : undefined),
  (text, { report }) => (report?.reason === "out-of-memory" || /out of memory|oom-kill|exceeded memory limit/i.test(text) ? "the job used more memory than it was given" : undefined),
  (_, { report }) => (report?.signal === undefined ? undefined : `the job was ended from outside by ${report.signal}`),
  (_, { reason }) => (reason === "timed-out" ? "the walltime of the block is shorter than its start takes" : reason === "node-failed" ? "the node failed" : reason === "preempted" ? "the job was preempted" : undefined),
  (_, { reason }) => (reason === "completed" ? "the job ended well without starting a manager: the launcher, or a wrapper, does not run its command" : undefined),
];

const matched = (pattern: RegExp, text: string, meaning: string): string | undefined => {
  const [line] = pattern.exec(text) ?? [];
  return line === undefined ? undefined : `${meaning}: "${line.trim()}"`;
};

/** What most likely kept the managers of a block from registering, the likeliest first. */
export function likelyCauses(block: FailedBlock): readonly string[] {
  const text = `${block.output.stderr}\n${block.output.stdout}`;
  const found = clues.flatMap((clue) => clue(text, block) ?? []);
  if (block.reason !== "never-registered") return found.length > 0 ? found : ["the job ended before its managers had started: see what it wrote"];
  if (ownWords.test(text)) return found;
  return [...found, `the head cannot be reached from the node${at(block)}: a firewall, or addresses that only this machine knows`, "the start takes longer than registrationTimeout: a slow file system, or modules that load for long", "the launcher does not start the managers on the nodes of the job"];
}

/** How a block ended, in one clause. */
function endOf({ reason, report, waited, error }: FailedBlock): string {
  if (error !== undefined && report === undefined) return error instanceof Error ? error.message : JSON.stringify(error);
  if (reason === "never-registered") return `its job runs, and no manager registered within ${waited} ms`;
  const how = [report?.exitCode === undefined ? [] : `exit code ${report.exitCode}`, report?.signal === undefined ? [] : `signal ${report.signal}`, report?.message === undefined ? [] : `"${report.message}"`].flat();
  return `its job ended (${reason}${how.length === 0 ? "" : `: ${how.join(", ")}`}) before a manager registered`;
}

function evidenceOf(block: FailedBlock): Readonly<Record<string, unknown>> {
  const { reason, report, output, addresses, jobId, jobName, waited } = block;
  return { reason, jobId, jobName, exitCode: report?.exitCode, signal: report?.signal, schedulerState: report?.state, schedulerMessage: report?.message, stdout: tail(output.stdout), stderr: tail(output.stderr), addresses, waitedMs: waited, causes: likelyCauses(block) };
}

/** What is told of one block. */
export function diagnosis(block: FailedBlock): CarawayError {
  const where = { executor: block.executor, block: block.block, ...(block.jobId === undefined ? {} : { job: block.jobId }) };
  if (block.jobId === undefined) {
    if (block.error instanceof SubmitException) return block.error;
    return new SubmitException("CW-BLOCK-001", `the job of ${block.block} of "${block.executor}" could not be submitted: ${endOf(block)}`, { where, evidence: { outcome: block.error === undefined ? "unknown" : "refused", jobName: block.jobName }, cause: block.error });
  }
  const [likeliest] = likelyCauses(block);
  return new BlockNeverRegistered("CW-BLOCK-003", `no manager of ${block.block} of "${block.executor}" registered: ${endOf(block)}`, { where, evidence: evidenceOf(block), ...(likeliest === undefined ? {} : { hint: `Most likely: ${likeliest}.` }) });
}

/** What is told of an executor that gets no block: each of those that failed in a row, with what was seen of it. */
export function scaleOutFailed(executor: string, blocks: readonly FailedBlock[], errors: readonly CarawayError[]): ScaleOutFailed {
  const lines = blocks.map((block) => {
    const words = lastLine(block.output.stderr) ?? lastLine(block.output.stdout);
    return `${block.block}: ${endOf(block)}${words === undefined ? "" : `; it wrote "${words}"`}`;
  });
  const last = errors.at(-1);
  const count = blocks.length === 1 ? "a block" : `${blocks.length} blocks in a row`;
  return new ScaleOutFailed("CW-BLOCK-002", `"${executor}" gets no workers: ${count} ended before a manager registered. ${lines.join("; ")}`, {
    where: { executor },
    evidence: { blocks: blocks.map((block) => ({ block: block.block, ...evidenceOf(block) })) },
    ...(last === undefined ? {} : { hint: last.hint, cause: last }),
  });
}
