import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ProgressScreen } from "#internal/monitoring/progress-screen";
import { ScreenEmulator } from "./screen-emulator.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const settle = () => vi.advanceTimersByTime(100);

describe("the live block on a screen", () => {
  it("is drawn over itself, each time in one write, whether it grows or shrinks", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    screen.show(["one", "two"]);
    screen.show(["one of three", "two", "three"]);
    expect(out.screen).toEqual(["one of three", "two", "three"]);
    screen.show(["only"]);
    expect(out.screen).toEqual(["only"]);
    expect(out.cursor).toEqual([0, 1]);
    expect(out.writes).toHaveLength(3);
  });

  it("writes nothing where nothing changed", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    screen.show(["same"]);
    screen.show(["same"]);
    expect(out.writes).toHaveLength(1);
  });

  it("stays below what others print, on both streams of the terminal", () => {
    const out = new ScreenEmulator();
    const other = { write: (chunk: string | Uint8Array) => out.write(chunk) };
    const screen = new ProgressScreen(out, [other]);
    screen.show(["block"]);
    out.write("to stderr\n");
    other.write("to stdout\n");
    settle();
    expect(out.screen).toEqual(["to stderr", "to stdout", "block"]);
    screen.show(["block 2"]);
    expect(out.screen).toEqual(["to stderr", "to stdout", "block 2"]);
  });

  it("waits for the end of a line that others have begun", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    screen.show(["block"]);
    out.write("half ");
    settle();
    screen.show(["block 2"]);
    expect(out.screen).toEqual(["half"]);
    out.write("a line\n");
    settle();
    expect(out.screen).toEqual(["half a line", "block 2"]);
  });

  it("redraws once after many prints in a row", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    screen.show(["block"]);
    for (let i = 0; i < 100; i++) out.write(`${i}\n`);
    const before = out.writes.length;
    settle();
    expect(out.writes.length - before).toBe(1);
    expect(out.screen.slice(-2)).toEqual(["99", "block"]);
  });

  it("prints above itself, on a line of its own", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    screen.show(["block"]);
    screen.print("note\n");
    out.write("half");
    screen.print("second note\n");
    expect(out.screen).toEqual(["note", "half", "second note", "block"]);
  });

  it("finds its first line after the terminal became narrower", () => {
    const out = new ScreenEmulator(40);
    const screen = new ProgressScreen(out);
    out.columns = 20;
    // As the terminal has it after wrapping the lines of before.
    screen.show(["x".repeat(20) + "y".repeat(10), "z"]);
    screen.show(["narrow"]);
    expect(out.screen).toEqual(["narrow"]);
  });

  it("leaves the screen and the streams as they were", () => {
    const out = new ScreenEmulator();
    const own = Object.getOwnPropertyDescriptor(out, "write");
    const screen = new ProgressScreen(out);
    out.write("before\n");
    screen.show(["block"]);
    screen.close();
    settle();
    expect(out.screen).toEqual(["before"]);
    expect(Object.getOwnPropertyDescriptor(out, "write")).toEqual(own);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves alone what others have put around the stream since, and hands everything on", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    const inner = out.write.bind(out);
    out.write = (chunk) => inner(`[${String(chunk)}]`);
    screen.close();
    out.write("text");
    expect(out.screen).toEqual(["[text]"]);
  });

  it("changes no mode of the terminal that would have to be restored", () => {
    const out = new ScreenEmulator();
    const screen = new ProgressScreen(out);
    screen.show(["block"]);
    const modes = out.writes.join("").match(/\p{Cc}\[\?\d+[hl]/gu) ?? [];
    expect(modes).toEqual(["\u001B[?2026h", "\u001B[?2026l"]);
  });
});
