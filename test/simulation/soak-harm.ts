import type { DataFlowKernel } from "#internal/index";
import { seededRandom } from "#internal/actors/seeded-random";
import { interchangeNews, killInterchange, label, leaseMs, processesOf } from "../faults/high-throughput/cluster.js";
import { Spread, tableHead } from "./soak-figures.js";

type Harm = "worker" | "manager" | "job" | "freeze" | "interchange";

/** How often each is done, of a hundred. Interchanges are spared where more would be more than their supervisor bears: three in a minute. */
const shares: readonly (readonly [Harm, number])[] = [["worker", 50], ["manager", 20], ["job", 10], ["freeze", 15], ["interchange", 5]];
const interchangeEveryMs = 30_000;

/** Does harm at random, and measures when it is noticed and when all workers are there again. */
export class Harms {
  readonly done: Record<Harm, number> = { worker: 0, manager: 0, job: 0, freeze: 0, interchange: 0 };
  readonly noticed: Record<Harm, Spread> = { worker: new Spread(), manager: new Spread(), job: new Spread(), freeze: new Spread(), interchange: new Spread() };
  readonly recovered: Record<Harm, Spread> = { worker: new Spread(), manager: new Spread(), job: new Spread(), freeze: new Spread(), interchange: new Spread() };
  private readonly random;
  /** Harm that nobody has noticed yet, by the pid that it was done to. */
  private readonly hidden = new Map<number, { readonly harm: Harm; readonly at: number }>();
  private open: { readonly harm: Harm; readonly at: number }[] = [];
  private readonly pids = new Map<string, number>();
  private interchangeAt = 0;
  private lastInterchange = performance.now();
  private readonly frozen = new Map<number, NodeJS.Timeout>();
  /** Tasks that had begun, or may have, at a manager that was lost, and were run again: by manager. */
  private readonly again = new Map<string, { readonly silent: boolean; tasks: number }>();

  constructor(
    private readonly kernel: DataFlowKernel,
    private readonly directory: string,
    seed: number,
    private readonly workers: number,
  ) {
    this.random = seededRandom(seed);
    interchangeNews.add((message) => {
      if (message.t === "manager.lost") this.againAt(message.uid, message.loss === "silent");
      if (message.t === "registered") this.pids.set(message.uid, message.facts.pid);
      else if (message.t === "manager.lost" || message.t === "manager.gone") this.notice(this.pids.get(message.uid) ?? 0);
      else if (message.t === "listening" && this.interchangeAt > 0) {
        this.noticed.interchange.add(performance.now() - this.interchangeAt);
        this.interchangeAt = 0;
      }
    });
    kernel.events$.subscribe((event) => {
      if (event.type !== "task.retry") return;
      const { pid, manager, loss, mayHaveRun } = (event.error as { evidence?: { pid?: number; manager?: string; loss?: string; mayHaveRun?: boolean } }).evidence ?? {};
      if (pid !== undefined) this.notice(pid);
      if (manager !== undefined && mayHaveRun === true) this.againAt(manager, loss === "silent").tasks++;
    });
  }

  private againAt(manager: string, silent: boolean): { tasks: number } {
    let one = this.again.get(manager);
    if (one === undefined) this.again.set(manager, (one = { silent, tasks: 0 }));
    return one;
  }

  /** How all of it is spread, as a table in Markdown. */
  table(): string {
    const words: Readonly<Record<Harm, string>> = { worker: "a worker process is killed", manager: "a manager is killed", job: "a job is cancelled from outside", freeze: "a manager stands still for longer than its lease", interchange: "the interchange's thread ends" };
    const rows = (Object.keys(words) as Harm[]).flatMap((harm) => [this.noticed[harm].row(`${words[harm]}: noticed after`), this.recovered[harm].row(`${words[harm]}: all workers there again after`)]);
    const [silent, dead] = [new Spread(), new Spread()];
    for (const one of this.again.values()) (one.silent ? silent : dead).add(one.tasks);
    return [tableHead, ...rows, silent.row("tasks that may have begun twice, for a lease that was lost by silence", ""), dead.row("the same, for a manager that was lost otherwise", "")].join("\n");
  }

  /** Milliseconds until the next. */
  pause(): number {
    return 500 + this.random.next() * 1000;
  }

  async strike(): Promise<void> {
    const harm = this.choose();
    if (harm === "interchange") {
      this.begin(harm, 0);
      this.lastInterchange = this.interchangeAt = performance.now();
      await killInterchange();
      return;
    }
    const victim = this.victim(harm);
    if (victim === undefined) return;
    this.begin(harm, victim.pid);
    if (harm === "freeze") this.freeze(victim.pid);
    else send(victim.pid, harm === "job" ? "SIGTERM" : "SIGKILL");
  }

  /** To be called often: whether all workers are there again. */
  look(): void {
    if (this.open.length === 0 || (this.kernel.executors.get(label)?.workers ?? 0) < this.workers) return;
    const now = performance.now();
    // What was not noticed by then is not over.
    const over = this.open.filter((one) => ![...this.hidden.values()].includes(one) && (one.harm !== "interchange" || this.interchangeAt === 0));
    for (const { harm, at } of over) this.recovered[harm].add(now - at);
    this.open = this.open.filter((one) => !over.includes(one));
  }

  /** No harm is left to do its work. */
  end(): void {
    for (const [pid, timer] of this.frozen) {
      clearTimeout(timer);
      send(pid, "SIGCONT");
    }
  }

  private begin(harm: Harm, pid: number): void {
    const one = { harm, at: performance.now() };
    this.done[harm]++;
    this.open.push(one);
    if (harm !== "interchange") this.hidden.set(pid, one);
  }

  private notice(pid: number): void {
    const one = this.hidden.get(pid);
    if (one === undefined) return;
    this.hidden.delete(pid);
    this.noticed[one.harm].add(performance.now() - one.at);
  }

  /** It was over before anybody had to notice. */
  private forgive(pid: number): void {
    const one = this.hidden.get(pid);
    this.hidden.delete(pid);
    this.open = this.open.filter((other) => other !== one);
  }

  private choose(): Harm {
    let at = this.random.next() * 100;
    for (const [harm, share] of shares) if ((at -= share) < 0) return harm === "interchange" && performance.now() - this.lastInterchange < interchangeEveryMs ? "worker" : harm;
    return "worker";
  }

  private victim(harm: Harm): { readonly pid: number } | undefined {
    const wanted = { worker: "process-main.js", manager: "manager-main.js", freeze: "manager-main.js", job: "manager-main.js", interchange: "" }[harm];
    const all = processesOf(this.directory).filter(({ pid, argv }) => argv[0] === process.execPath && argv.some((word) => word.endsWith(wanted)) && !this.frozen.has(pid) && !this.hidden.has(pid));
    return all[this.random.below(Math.max(1, all.length))];
  }

  /** For as long as up to twice its lease. */
  private freeze(pid: number): void {
    send(pid, "SIGSTOP");
    this.frozen.set(pid, setTimeout(() => {
      this.frozen.delete(pid);
      this.forgive(pid);
      send(pid, "SIGCONT");
    }, this.random.next() * 2 * leaseMs));
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
