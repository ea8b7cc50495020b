import { describe, expect, test } from "vitest";
import { simulatedPorts, type SimulatedPorts } from "#internal/actors/simulated-ports";
import { encode } from "#internal/serialization/index";
import { verdict, type AnswerFrame } from "#internal/executors/thread-pool/frames";
import type { LaneLink } from "#internal/executors/thread-pool/host";
import { SimulatedHost, type Act, type HostConduct, type Probe } from "#internal/testing/index";
import { commandOf } from "#internal/testing/script";

/** One worker, and all that is heard of it, with the time of hearing it. */
class Heard {
  readonly ports: SimulatedPorts = simulatedPorts(1);
  readonly host: SimulatedHost;
  readonly events: string[] = [];
  readonly probes: string[] = [];
  readonly link: LaneLink;

  constructor(conduct: Partial<HostConduct> = {}) {
    const { ports } = this;
    this.host = new SimulatedHost({ ports, seed: 1, label: "threads", conduct: { start: [1, 1], way: [0, 0], flush: [0, 0], kill: [1, 1], ...conduct }, probe: (probe: Probe) => this.probes.push(`${probe.at} ${probe.probe} ${"task" in probe ? probe.task : ""}`) });
    this.link = this.host.open(0, {
      answers: (frame: AnswerFrame) => {
        for (let i = 0; i < frame.length; i += 6) this.hear(`answer ${String(frame[i + 1])} ${Object.keys(verdict)[frame[i + 3] as number] ?? "?"}`);
      },
      message: (message) => this.hear(message.t),
      exited: ({ code, signal }) => this.hear(`exit ${String(signal ?? code)}`),
    });
    this.link.tell({ t: "define", app: 1, name: "scripted", code: { kind: "module", url: "", name: "" } });
  }

  private hear(what: string): void {
    this.events.push(`${this.ports.clock.now()} ${what}`);
  }

  /** Sends tasks in one frame: task n is in slot n. */
  send(...acts: readonly Act[]): void {
    const frame = acts.flatMap((act, i) => {
      this.link.claim(i + 1);
      return [i + 1, i + 1, 1, 1, [encode({ key: `k${i + 1}`, acts: [act] }, "a script")], undefined];
    });
    this.link.post(frame);
  }
}

const returns = (ms: number): Act => ({ do: "return", ms });

describe("a simulated worker", () => {
  test("runs one task at a time, in order, and answers in frames", () => {
    const heard = new Heard();
    heard.send(returns(5), returns(0), { do: "throw", ms: 2, message: "no" });
    heard.ports.run();
    expect(heard.events).toEqual(["1 ready", "6 answer 1 value", "6 answer 2 value", "8 answer 3 thrown"]);
    expect(heard.probes).toEqual(["1 code.started 1", "6 code.ended 1", "6 code.started 2", "6 code.ended 2", "6 code.started 3", "8 code.threw 3", "8 code.ended 3"]);
  });

  test("skips what was revoked, and cannot have taken from it what it has begun", () => {
    const heard = new Heard();
    const answers: boolean[] = [];
    heard.send(returns(5), returns(1));
    heard.ports.runFor(3);
    for (const slot of [1, 2]) heard.link.revoke(slot, (revoked) => answers.push(revoked));
    heard.ports.run();
    expect(answers).toEqual([false, true]);
    expect(heard.events.slice(1)).toEqual(["6 answer 1 value", "6 answer 2 skipped"]);
    expect(heard.probes.some((probe) => probe.endsWith("started 2"))).toBe(false);
  });

  test("tells by its claim words what it had started, ended, or never taken, once it is dead", () => {
    const heard = new Heard({ flush: [50, 50] });
    heard.send(returns(1), { do: "exit", ms: 1, code: 4 }, returns(1));
    heard.ports.run();
    expect(heard.events).toEqual(["1 ready", "3 exit 4"]);
    expect([1, 2, 3].map((slot) => heard.link.fate(slot))).toEqual(["ended", "started", "unclaimed"]);
  });

  test("ends at a kill, but for a native call, which ends first; its exit comes after all that was on its way", () => {
    const heard = new Heard({ way: [2, 2] });
    heard.send(returns(0), { do: "native", ms: 30 });
    heard.ports.runFor(5);
    heard.link.kill();
    heard.ports.run();
    expect(heard.events).toEqual(["3 ready", "34 exit 1"]);
    expect([1, 2].map((slot) => heard.link.fate(slot))).toEqual(["ended", "started"]);
    expect(heard.host.alive).toBe(0);
  });

  test("sends what it had posted before it died", () => {
    const heard = new Heard({ way: [4, 4] });
    heard.send(returns(0));
    heard.ports.runFor(5);
    heard.host.killProcess();
    heard.ports.run();
    expect(heard.events).toEqual(["5 ready", "8 answer 1 value", "9 exit SIGKILL"]);
  });

  test("tells when the running task watches its signal, and ends it soon after an abort", () => {
    const heard = new Heard();
    heard.send({ do: "cooperate", ms: 100, yields: 3 });
    heard.ports.runFor(10);
    expect(heard.link.cooperates).toBe(true);
    expect(heard.link.running()).toEqual({ slot: 1, elapsed: 9 });
    heard.link.tell({ t: "abort", task: 1, attempt: 1, reason: "enough" });
    heard.ports.run();
    expect(heard.events.slice(1)).toEqual(["13 answer 1 thrown"]);
  });

  test("dies at random only where it is told to, and then has no answer for what it ran", () => {
    const heard = new Heard({ death: 1, deathWithin: 10 });
    heard.send({ do: "hang" });
    heard.ports.run();
    expect(heard.events.at(-1)).toMatch(/ exit 1$/);
    expect(heard.link.fate(1)).toBe("started");
  });
});

describe("a simulated command", () => {
  const run = (act: Act, kill?: number): string => {
    const heard = new Heard();
    let answer = "no answer";
    const shell = heard.host.shell({ work: { command: commandOf({ key: "c", acts: [act] }, []), strict: true, capture: true }, setting: undefined, token: "threads.1.1" }, ({ code, signal, stdout }) => {
      expect(answer).toBe("no answer");
      answer = `${code} ${signal} ${stdout === undefined ? "silent" : "result"}`;
    });
    if (kill !== undefined) heard.ports.clock.after(kill, () => shell.kill());
    heard.ports.run();
    return answer;
  };

  test("answers once, however it ends", () => {
    expect(run(returns(5))).toBe("0 null result");
    expect(run({ do: "exit", ms: 1, code: 9 })).toBe("9 null silent");
    expect(run({ do: "die", ms: 1 })).toBe("null SIGSEGV silent");
    expect(run({ do: "hang" }, 10)).toBe("null SIGTERM silent");
    expect(run(returns(5), 5)).toBe("0 null result");
  });
});
