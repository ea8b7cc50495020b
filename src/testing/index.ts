/** What tests of workflows and of caraway itself use: the invariant checker, simulated hosts and kernels, and the reference interpreter. */
export { attachChecker, factsOf, type AttachedChecker } from "./attach-checker.js";
export { checkInvariants, describeEntry, describeViolation, InvariantChecker, type CheckOptions, type Violation } from "./checker.js";
export { startFaultProxy, type Direction, type FaultProxy, type FaultProxyOptions, type ProxyCounts, type ProxyFaults } from "./fault-proxy.js";
export { calm, type HostConduct, type Span } from "./faults.js";
export { allInvariants, type Entry, type Finding, type Invariant, type InvariantMaker, type RunFacts } from "./invariants/index.js";
export { Recording, recordTransitions } from "./recording.js";
export { describeVerdict, verifyRecording, type Verdict } from "./verify-recording.js";
export { calmScheduler, SimulatedProvider, type SchedulerConduct, type SimulatedJob } from "./simulated-provider.js";
export { calmCluster, SimulatedCluster, type ClusterOptions, type ClusterPorts } from "./simulated-cluster.js";
export type { SimulatedManager } from "./simulated-manager.js";
export type { Probe, ProbeSink } from "./probes.js";
export { actOf, scriptedError, ScriptedError, scriptedResult, type Act, type Script, type ScriptedResult } from "./script.js";
export { scriptedApp, scriptedCommand } from "./scripted-apps.js";
export { allowedOutcomes, interpret } from "./reference.js";
export { compareWithReference, runWorkload, type WorkloadRun } from "./run-workload.js";
export { SimulatedHost, type SimulatedHostOptions } from "./simulated-host.js";
export { simulateKernel, type SimulatedExecutor, type SimulatedKernel, type SimulationOptions } from "./simulate-kernel.js";
export { plain, type Disturbance, type Outcome, type PlannedExecutor, type PlannedTask, type Workload } from "./workload.js";
