import { describe, expect, it, vi } from "vitest";
import { openPanel } from "#internal/monitoring/progress-panels";
import { ScreenEmulator } from "./screen-emulator.js";

describe("runs that share a terminal", () => {
  it("have their panels below each other, and settle: no one redraws for another", () => {
    vi.useFakeTimers();
    const out = new ScreenEmulator();
    const [first, second] = [openPanel(out, []), openPanel(out, [])];
    first.show(["first"]);
    second.show(["second"]);
    out.write("said\n");
    vi.advanceTimersByTime(50);
    expect(out.screen).toEqual(["said", "first", "second"]);
    const before = out.writes.length;
    vi.advanceTimersByTime(1000);
    expect(out.writes.length).toBe(before);
    vi.useRealTimers();
  });

  it("leave what they have to say above those that go on, and the screen to its owner at the end", () => {
    const out = new ScreenEmulator();
    const own = Object.getOwnPropertyDescriptor(out, "write");
    const [first, second] = [openPanel(out, []), openPanel(out, [])];
    first.show(["first"]);
    second.show(["second"]);
    first.leave("first is over\n");
    expect(out.screen).toEqual(["first is over", "second"]);
    second.leave("second is over\n");
    expect(out.screen).toEqual(["first is over", "second is over"]);
    expect(Object.getOwnPropertyDescriptor(out, "write")).toEqual(own);
    expect(openPanel(out, [])).toBeDefined();
  });

  it("begin their last words on a line of their own", () => {
    const out = new ScreenEmulator();
    const panel = openPanel(out, []);
    panel.show(["block"]);
    out.write("half a line");
    panel.leave("the summary\n");
    expect(out.screen).toEqual(["half a line", "the summary"]);
  });
});
