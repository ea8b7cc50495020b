import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inMemoryLink, type LinkFaults } from "#internal/actors/links/in-memory";
import { realPorts } from "#internal/actors/real-ports";
import { simulatedPorts } from "#internal/actors/simulated-ports";

function traffic(seed: number, faults: LinkFaults, messages = 200) {
  const ports = simulatedPorts(seed);
  const link = inMemoryLink<number, number>(ports, faults);
  const right: number[] = [];
  const left: number[] = [];
  link.right.onMessage((n) => void right.push(n));
  link.left.onMessage((n) => void left.push(n));
  for (let n = 0; n < messages; n++) ports.clock.after(n, () => (n % 2 === 0 ? link.left.post(n) : link.right.post(n)));
  ports.run();
  return { right, left, counts: link.counts, link, ports };
}

const ascending = (numbers: number[]): number[] => [...numbers].sort((a, b) => a - b);

describe("an in-memory link without faults", () => {
  it("delivers every message once, in order, in both directions", () => {
    fc.assert(
      fc.property(fc.integer(), fc.tuple(fc.nat(20), fc.nat(20)), (seed, [least, more]) => {
        const { right, left } = traffic(seed, { delay: [least, least + more] });
        expect(right).toEqual(Array.from({ length: 100 }, (_, i) => i * 2));
        expect(left).toEqual(Array.from({ length: 100 }, (_, i) => i * 2 + 1));
      }),
      { numRuns: 30 },
    );
  });

  it("delivers nothing within post, and keeps what comes before somebody receives", () => {
    const ports = simulatedPorts(1);
    const { left, right } = inMemoryLink<string, string>(ports);
    const seen: string[] = [];
    left.post("one");
    ports.run();
    left.post("two");
    right.onMessage((text) => void seen.push(text));
    left.post("three");
    expect(seen).toEqual([]);
    ports.run();
    expect(seen).toEqual(["one", "two", "three"]);
  });

  it("tells both ends once when it is closed, and loses what is on its way", () => {
    const ports = simulatedPorts(1);
    const link = inMemoryLink<string, string>(ports, { delay: [5, 5] });
    const seen: string[] = [];
    link.right.onMessage((text) => void seen.push(text));
    link.left.onClose(() => seen.push("left closed"));
    link.right.onClose(() => seen.push("right closed"));
    link.left.post("on its way");
    link.left.close();
    link.right.close();
    link.left.post("too late");
    ports.run();
    link.right.onClose(() => seen.push("known to be closed"));
    ports.run();
    expect(seen).toEqual(["left closed", "right closed", "known to be closed"]);
    expect(link.counts).toMatchObject({ posted: 2, delivered: 0, lost: 2 });
  });

  it("works on the ports of a running program", async () => {
    const link = inMemoryLink<number, number>(realPorts());
    link.right.onMessage((n) => link.right.post(n * 2));
    const answer = new Promise((resolve) => link.left.onMessage(resolve));
    link.left.post(21);
    expect(await answer).toBe(42);
  });
});

describe("an in-memory link with faults", () => {
  it("does the same for the same seed", () => {
    const faults: LinkFaults = { loss: 0.2, duplication: 0.2, reordering: 0.3, hold: 30, delay: [1, 9] };
    expect(traffic(5, faults).right).toEqual(traffic(5, faults).right);
    expect(traffic(5, faults).right).not.toEqual(traffic(6, faults).right);
  });

  it("loses messages", () => {
    const { right, left, counts } = traffic(2, { loss: 0.5 });
    expect(counts.lost).toBeGreaterThan(50);
    expect(right.length + left.length + counts.lost).toBe(200);
    expect(right).toEqual(ascending(right));
  });

  it("duplicates messages", () => {
    const { right, left, counts } = traffic(2, { duplication: 0.5 });
    expect(counts.duplicated).toBeGreaterThan(50);
    expect(right.length + left.length).toBe(200 + counts.duplicated);
    expect(new Set(right).size).toBe(100);
  });

  it("reorders messages and loses none", () => {
    const { right, counts } = traffic(2, { reordering: 0.3, hold: 50 });
    expect(counts.reordered).toBeGreaterThan(20);
    expect(right).not.toEqual(ascending(right));
    expect(ascending(right)).toEqual(Array.from({ length: 100 }, (_, i) => i * 2));
  });

  it("loses what is posted into a partition, in the direction it is cut", () => {
    const { link, ports, right, left } = traffic(2, {}, 0);
    link.partition("right");
    link.left.post(1);
    link.right.post(2);
    link.partition("both");
    link.left.post(3);
    link.right.post(4);
    link.partition("none");
    link.left.post(5);
    ports.run();
    expect([right, left]).toEqual([[5], [2]]);
  });
});
