import { describe, expect, it } from "vitest";
import { fit, oneLine, rateText, spanText, visibleWidth } from "#internal/monitoring/progress-style";
import { RateMeter } from "#internal/monitoring/progress-rate";

describe("spans of time", () => {
  it.each([[0, "0 ms"], [0.4, "<1 ms"], [43.2, "43 ms"], [999, "999 ms"], [999.7, "1.0 s"], [9949, "9.9 s"], [9960, "10 s"], [59_400, "59 s"], [59_600, "1 m 0 s"], [200_000, "3 m 20 s"], [3_600_000, "1 h 0 m"], [7_500_000, "2 h 5 m"]])("%d ms are %s", (ms, text) => {
    expect(spanText(ms)).toBe(text);
  });
});

describe("fitting text", () => {
  it("cuts by what is seen, closes colours, and marks the cut", () => {
    expect(fit("\u001B[31mabcdef\u001B[39m", 4)).toBe("\u001B[31mabc\u001B[39m…\u001B[0m");
    expect(fit("abcdef", 6)).toBe("abcdef");
    expect(visibleWidth(fit("\u001B[31mabcdef\u001B[39m", 4))).toBe(4);
    expect(fit("abc", 0)).toBe("");
  });

  it("makes one line of many", () => {
    expect(oneLine(" a\n\tb\r\u001B[31mc\u001B[0m ")).toBe("a b c");
  });
});

describe("the rate", () => {
  it("is that of the last seconds", () => {
    const meter = new RateMeter(5000);
    expect(meter.read(0, 0)).toBe(0);
    expect(meter.read(1000, 50)).toBe(50);
    expect(meter.read(2000, 100)).toBe(50);
    for (let second = 3; second <= 12; second++) meter.read(second * 1000, 100);
    expect(meter.read(13_000, 100)).toBe(0);
  });

  it("is that since the start where it is looked at for the first time", () => {
    expect(new RateMeter().read(500, 50)).toBe(100);
  });

  it.each([[0, "0.0/s"], [1.25, "1.3/s"], [84.2, "84/s"], [12_345, "12,345/s"]])("%d is written %s", (rate, text) => {
    expect(rateText(rate)).toBe(text);
  });
});
