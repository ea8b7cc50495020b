import { describe, expect, test } from "vitest";
import { diagnosis, likelyCauses, type FailedBlock } from "#internal/executors/blocks/diagnosis";

const failed = (more: Partial<FailedBlock> = {}): FailedBlock => ({ executor: "htex", block: "block-1", reason: "failed", jobName: "caraway.htex.run.block-1", jobId: "17", report: { state: "failed", exitCode: 1 }, output: { stdout: "", stderr: "" }, addresses: ["10.0.0.1:54321", "head.cluster:54321"], error: undefined, waited: 2000, ...more });
const wrote = (stderr: string, more: Partial<FailedBlock> = {}): FailedBlock => failed({ output: { stdout: "", stderr }, ...more });

describe("the likeliest cause", () => {
  test.each([
    ["a missing Node, by the shell", wrote("/tmp/job.sh: line 9: node: command not found\n"), /^Node\.js is not on the PATH of the job: "\/tmp\/job\.sh: line 9: node: command not found"$/],
    ["a missing Node, by env", wrote("/usr/bin/env: 'node': No such file or directory\n"), /^Node\.js is not on the PATH/],
    ["a missing Node, by an exit code alone", failed({ report: { state: "failed", exitCode: 127 } }), /exit code 127.*Node\.js is not on its PATH/],
    ["an unreachable head", wrote("caraway-manager: CW-LINK-001 none of 10.0.0.1:54321 answered\n"), /^the head could not be reached.*\(10\.0\.0\.1:54321, head\.cluster:54321\): CW-LINK-001 none of/],
    ["another version", wrote("caraway-manager: CW-LINK-002 the head speaks 3, this is 4\n"), /^the node has another version of caraway.*CW-LINK-002 the head speaks 3/],
    ["a wrong key", wrote("caraway-manager: CW-LINK-004 block.key is readable by others\n"), /^the block's key file is missing.*CW-LINK-004/],
    ["caraway elsewhere", wrote("Error: Cannot find module '/home/me/caraway/manager.js'\n"), /^caraway is not at the same path/],
    ["an old Node", wrote("SyntaxError: Unexpected token 'with'\n"), /^the node's version of Node\.js is too old/],
    ["too little memory", failed({ report: { state: "failed", reason: "out-of-memory" } }), /more memory/],
    ["a signal", failed({ report: { state: "failed", signal: "SIGKILL" } }), /from outside by SIGKILL/],
    ["a walltime", failed({ reason: "timed-out" }), /walltime/],
    ["a launcher that starts nothing", failed({ reason: "completed", report: { state: "completed", exitCode: 0 } }), /the launcher/],
    ["nothing that is known", failed(), /see what it wrote/],
    ["a silent block that runs", failed({ reason: "never-registered", report: { state: "active" } }), /^the head cannot be reached from the node \(10\.0\.0\.1:54321, head\.cluster:54321\)/],
  ] as const)("is found: %s", (_what, block, cause) => {
    expect(likelyCauses(block)[0]).toMatch(cause);
  });

  test("comes before less likely ones: the manager's own words before all others, what it wrote before what is only possible", () => {
    expect(likelyCauses(wrote("node: command not found\n", { reason: "never-registered", report: { state: "active" } })).map((cause) => cause.split(" ").slice(0, 3).join(" "))).toEqual(["Node.js is not", "the head cannot", "the start takes", "the launcher does"]);
    expect(likelyCauses(wrote("caraway-manager: CW-LINK-002 versions differ\nPermission denied\n"))).toHaveLength(2);
  });
});

test("a diagnosis keeps the end of a long output, and bounds it", () => {
  const { evidence, hint } = diagnosis(wrote(`${"x".repeat(1_000_000)}\nnode: command not found\n`));
  expect(evidence["stderr"]).toHaveLength(2049);
  expect(evidence["stderr"]).toMatch(/command not found\n$/);
  expect(hint).toMatch(/^Most likely: Node\.js/);
});
