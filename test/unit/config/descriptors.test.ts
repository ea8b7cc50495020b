import { describe, expect, it } from "vitest";
import * as descriptors from "#internal/config/descriptors";
import { highThroughputSettings } from "#internal/config/high-throughput";
import { launcherOf } from "#internal/config/providers";

describe("threadPool", () => {
  it("returns plain frozen data with its options beside its kind and label", () => {
    const env = { A: "b" };
    const descriptor = descriptors.threadPool({ maxThreads: 4, env, resourceLimits: { stackSizeMb: 8 } });
    expect(descriptor).toEqual({ kind: "thread-pool", label: "threads", maxThreads: 4, env: { A: "b" }, resourceLimits: { stackSizeMb: 8 } });
    expect(Object.isFrozen(descriptor) && Object.isFrozen(descriptor.env) && Object.isFrozen(descriptor.resourceLimits)).toBe(true);
    expect(Object.isFrozen(env)).toBe(false);
    expect(structuredClone(descriptor)).toEqual(descriptor);
  });

  it("takes a label", () => {
    expect(descriptors.threadPool({ label: "gpu" }).label).toBe("gpu");
  });
});

describe("highThroughput", () => {
  it("describes an executor on this machine where nothing is said", () => {
    expect(descriptors.highThroughput()).toEqual({ kind: "high-throughput", label: "high-throughput", provider: { role: "provider", kind: "local" } });
  });

  it("returns data that is frozen all the way down, without a trace of options left undefined, that JSON gives back as it is", () => {
    const accelerators = ["gpu0", "gpu1"];
    const descriptor = descriptors.highThroughput({
      label: "cluster", maxWorkersPerNode: 32, memPerWorker: "2GiB", availableAccelerators: accelerators, portRange: [54_000, 55_000], env: { A: "b" }, drainPeriod: undefined,
      provider: descriptors.slurm({ partition: "debug", nodesPerBlock: 2, maxBlocks: 10, walltime: "30m", schedulerOptions: ["--mail-type=END"], launcher: descriptors.srun({ options: ["--cpu-bind=none"] }), workerInit: "module load node" }),
    });
    expect(JSON.parse(JSON.stringify(descriptor))).toStrictEqual(descriptor);
    expect(structuredClone(descriptor)).toStrictEqual(descriptor);
    expect(everyObject(descriptor).every(Object.isFrozen)).toBe(true);
    expect(Object.isFrozen(accelerators)).toBe(false);
    expect("drainPeriod" in descriptor).toBe(false);
  });

  it("is made of its own descriptor again", () => {
    const descriptor = descriptors.highThroughput({ provider: descriptors.local({ nodesPerBlock: 2, launcher: descriptors.wrapped({ prefix: "nice" }) }) });
    expect(descriptors.highThroughput(descriptor)).toEqual(descriptor);
  });
});

describe("highThroughputSettings", () => {
  it("fills in every default", () => {
    expect(highThroughputSettings(descriptors.highThroughput())).toEqual({
      label: "high-throughput", provider: descriptors.local(), maxWorkersPerNode: undefined, coresPerWorker: 1, memPerWorker: undefined, cpuAffinity: "none", availableAccelerators: [], prefetchCapacity: 0,
      heartbeatPeriod: 5000, heartbeatThreshold: 30_000, drainPeriod: undefined, managerSelector: "random", isolation: "thread", resourceLimits: {}, env: {}, killGrace: 2000, lostGrace: 120_000,
      addresses: [], ports: [0, 0], blockErrorHandler: true, registrationTimeout: 120_000,
    });
  });

  it("gives durations in milliseconds, sizes in bytes, and the short forms in the long one", () => {
    const settings = highThroughputSettings(descriptors.highThroughput({ heartbeatPeriod: "1s", memPerWorker: "1MiB", availableAccelerators: 2, address: "head", workerPort: 54_321, drainPeriod: "1h" }));
    expect(settings).toMatchObject({ heartbeatPeriod: 1000, memPerWorker: 2 ** 20, availableAccelerators: ["0", "1"], addresses: ["head"], ports: [54_321, 54_321], drainPeriod: 3_600_000 });
    expect(highThroughputSettings(descriptors.highThroughput({ portRange: [1000, 2000], address: ["a", "b"] }))).toMatchObject({ ports: [1000, 2000], addresses: ["a", "b"] });
  });
});

describe("the launcher of a provider", () => {
  it.each([
    [descriptors.local(), "single"],
    [descriptors.local({ nodesPerBlock: 2 }), "simple"],
    [descriptors.slurm(), "single"],
    [descriptors.slurm({ nodesPerBlock: 2 }), "srun"],
    [descriptors.slurm({ nodesPerBlock: 2, launcher: descriptors.simple() }), "simple"],
  ])("of %j is %s", (provider, kind) => {
    expect(launcherOf(provider)).toMatchObject({ role: "launcher", kind });
  });
});

describe("a maker that comes later", () => {
  const { mpi, ssh, pbs, lsf, gridEngine, htcondor, kubernetes, mpiExec } = descriptors;
  it.each(Object.entries({ mpi, ssh, pbs, lsf, gridEngine, htcondor, kubernetes, mpiExec }))("%s returns a descriptor marked as not built yet", (name, make) => {
    const descriptor = make({ maxWorkersPerNode: 2 });
    expect(descriptor).toMatchObject({ kind: name, label: name, notYet: true, options: { maxWorkersPerNode: 2 } });
    expect(Object.isFrozen(descriptor)).toBe(true);
  });
});

function everyObject(value: unknown): object[] {
  return value === null || typeof value !== "object" ? [] : [value, ...Object.values(value).flatMap(everyObject)];
}
