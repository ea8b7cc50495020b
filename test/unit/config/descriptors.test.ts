import { describe, expect, it } from "vitest";
import * as descriptors from "#internal/config/descriptors";

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

describe("a maker that comes later", () => {
  const { threadPool: _, ...makers } = descriptors;
  it.each(Object.entries(makers))("%s returns a descriptor marked as not built yet", (name, make) => {
    const descriptor = make({ maxWorkersPerNode: 2 });
    expect(descriptor).toMatchObject({ kind: name, label: name, notYet: true, options: { maxWorkersPerNode: 2 } });
    expect(Object.isFrozen(descriptor)).toBe(true);
  });
});
