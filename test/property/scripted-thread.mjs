const outcomes = ["ok", "fail", "ignore", "hang"];

/** A scripted child in a thread: what its starts come to is in shared memory, after the number of starts there were. */
export default (self) => {
  const { starts, stops } = self.input;
  const outcome = outcomes[starts[Atomics.add(starts, 0, 1) + 1]] ?? "ok";
  self.emit({ note: "start", ignores: outcome === "ignore" });
  self.signal.addEventListener("abort", () => self.emit({ note: "down" }));
  if (outcome === "fail") throw "planned";
  if (outcome === "hang") {
    self.emit({ hangs: true });
    return new Promise(() => undefined);
  }
  if (outcome === "ignore") return "ignore";
  self.receive(({ exit }) => self.exit(exit));
  const wasAsked = () => self.signal.reason?.reason === "shutdown";
  if (stops === "hang") self.onStop(() => (wasAsked() ? new Promise(() => undefined) : undefined));
  if (stops === "fail") self.onStop(() => (wasAsked() ? Promise.reject("planned") : undefined));
  return undefined;
};
