import { describe, expect, it } from "vitest";
import { ConfigurationError } from "#internal/errors/index";
import { parseDuration, parseSize } from "#internal/config/units";

describe("parseDuration", () => {
  it.each([
    [0, 0], [1500, 1500], ["250ms", 250], ["30s", 30_000], ["5m", 300_000], ["1h30m", 5_400_000], ["1h 30m", 5_400_000],
    ["2d", 172_800_000], ["1.5s", 1500], ["1m30s500ms", 90_500], [" 1s ", 1000],
  ])("reads %j as %d ms", (value, ms) => {
    expect(parseDuration(value, "walltime")).toBe(ms);
  });

  it.each(["", " ", "30", "abc", "-5s", "5 parsecs", "30m1h", "1s1s", "5S", "00:30:00"])("refuses %j, naming what it is for", (value) => {
    expect(() => parseDuration(value, "walltime")).toThrow(ConfigurationError);
    expect(() => parseDuration(value, "walltime")).toThrow(/^walltime is not a duration/);
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])("refuses the number %d", (value) => {
    expect(() => parseDuration(value, "walltime")).toThrow(/walltime must be a number of milliseconds/);
  });

  it("says how to write a clock time and a bare number", () => {
    expect(() => parseDuration("00:30:00", "walltime")).toThrow('write "0h30m0s"');
    expect(() => parseDuration("30", "walltime")).toThrow('write "30s", "30m" or "30ms"');
  });
});

describe("parseSize", () => {
  it.each([
    [0, 0], [4096, 4096], ["512MiB", 536_870_912], ["1GB", 1_000_000_000], ["1.5KiB", 1536], ["10 kB", 10_000], ["7B", 7], ["1gib", 1_073_741_824],
  ])("reads %j as %d bytes", (value, bytes) => {
    expect(parseSize(value, "memory")).toBe(bytes);
  });

  it.each(["", "12", "1G", "-1MB", "many"])("refuses %j, naming what it is for", (value) => {
    expect(() => parseSize(value, "memory")).toThrow(/^memory is not a size/);
  });

  it("refuses fractions of a byte and negative numbers", () => {
    expect(() => parseSize(1.5, "memory")).toThrow(ConfigurationError);
    expect(() => parseSize(-1, "memory")).toThrow(ConfigurationError);
  });

  it("asks which of the two units a bare letter means", () => {
    expect(() => parseSize("1g", "memory")).toThrow('write "1GiB" or "1GB"');
  });
});
