import type { Ports, Random, Timer } from "../actors/ports.js";
import type { ShellAnswer } from "../executors/executor.js";
import type { ShellLink, ShellRequest } from "../executors/thread-pool/host.js";
import { within, type HostConduct } from "./faults.js";
import type { ProbeSink } from "./probes.js";
import { actOf, scriptIn, scriptedResult } from "./script.js";

/** A shell command as data. It answers once, also when it is killed. */
export class SimulatedShell implements ShellLink {
  private timer: Timer | undefined;
  private readonly task: number;
  private readonly attempt: number;
  private ended = false;

  constructor(
    private readonly ports: Ports,
    private readonly random: Random,
    private readonly conduct: HostConduct,
    private readonly probe: ProbeSink,
    private readonly request: ShellRequest,
    private readonly answer: (answer: ShellAnswer) => void,
  ) {
    const [task, attempt] = request.token.split(".").slice(-2).map(Number) as [number, number];
    this.task = task;
    this.attempt = attempt;
    const { script, inputs } = scriptIn(request.work.command);
    const act = actOf(script, attempt);
    this.tell("code.started");
    if (act.do === "hang") return;
    this.timer = ports.clock.after(act.ms, () => {
      if (act.do === "throw" || act.do === "exit" || act.do === "exhaust") this.end(act.do === "exit" ? act.code : 1, null, act.do === "throw" ? act.message : "");
      else if (act.do === "die") this.end(null, "SIGSEGV", "");
      else this.end(0, null, "", request.work.capture ? JSON.stringify(scriptedResult(script.key, inputs)) : "");
    });
  }

  kill(): void {
    this.ports.clock.after(within(this.conduct.kill, this.random), () => this.end(null, "SIGTERM", ""));
  }

  private tell(probe: "code.started" | "code.ended"): void {
    this.probe({ probe, task: this.task, attempt: this.attempt, worker: `command ${this.request.token}`, at: this.ports.clock.now() });
  }

  private end(code: number | null, signal: string | null, stderrTail: string, stdout?: string): void {
    if (this.ended) return;
    this.ended = true;
    this.timer?.cancel();
    this.tell("code.ended");
    const answer: ShellAnswer = { code, signal, stderrTail, ...(stdout === undefined ? {} : { stdout }) };
    this.ports.clock.after(within(this.conduct.way, this.random), () => this.answer(answer));
  }
}
