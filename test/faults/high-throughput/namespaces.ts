import { spawnSync } from "node:child_process";
import { platform } from "node:os";
import { onTestFinished } from "vitest";
import { alive } from "../../unit/executors/shell/observe.js";
import { withCluster, type Cluster, type ClusterOptions } from "./cluster.js";

/** Which packets between a node and the program are lost. */
export type Cut = "both" | "to-node" | "to-head";

/** Names of namespaces and of the program's interface: by them those of a test that was killed are found and taken away. */
const prefix = "cwns";
let made = 0;

function ip(...words: readonly string[]): { readonly ok: boolean; readonly out: string } {
  const { status, stdout, stderr, error } = spawnSync("ip", words, { encoding: "utf8" });
  return { ok: status === 0, out: error?.message ?? `${stdout}${stderr}`.trim() };
}

function must(...words: readonly string[]): void {
  const { ok, out } = ip(...words);
  if (!ok) throw new Error(`ip ${words.join(" ")}: ${out}`);
}

/** Why there can be no namespaces here, where there can be none. */
export function whyNone(): string | undefined {
  if (platform() !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "only root may make network namespaces";
  if (!ip("-V").ok) return "iproute2 is not here: run scripts/test-hosts";
  const probe = `${prefix}-${process.pid}-probe`;
  const { ok, out } = ip("netns", "add", probe);
  if (ok) must("netns", "del", probe);
  return ok ? undefined : `network namespaces cannot be made here: ${out}`;
}

/** What a test that was killed has left. */
function sweep(): void {
  const namespaces = ip("netns", "list").out.split("\n").map((line) => line.split(" ")[0] ?? "");
  const links = ip("-o", "link", "show").out.split("\n").map((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? "");
  const abandoned = (name: string): boolean => {
    const [first, pid] = name.split("-");
    return first === prefix && !alive(Number(pid));
  };
  for (const name of links.filter(abandoned)) ip("link", "del", name);
  for (const name of namespaces.filter(abandoned)) ip("netns", "del", name);
}

/**
 * Nodes with a network of their own. Each is a network namespace, joined by a pair of virtual interfaces to a namespace that routes, and that
 * by another pair to the program's. What goes wrong does so in the middle, and silently: neither side sees more than that nothing comes.
 */
export class Nodes {
  /** Where the program is, as the nodes see it. */
  readonly head: string;
  private readonly tag = `${prefix}-${process.pid}-${++made}`;
  private readonly router = `${this.tag}-r`;
  private readonly net: string;

  constructor(readonly count: number) {
    sweep();
    this.net = freeNet();
    this.head = `${this.net}.1`;
    try {
      this.build();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  private build(): void {
    const { router, net } = this;
    must("netns", "add", router);
    must("link", "add", this.tag, "type", "veth", "peer", "name", "head", "netns", router);
    must("addr", "add", `${net}.1/30`, "dev", this.tag);
    must("-n", router, "addr", "add", `${net}.2/30`, "dev", "head");
    must("link", "set", this.tag, "up");
    must("-n", router, "link", "set", "head", "up");
    must("route", "add", `${net}.0/24`, "via", `${net}.2`);
    must("netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
    // Where a link is down there is no route: then nobody is told so.
    must("-n", router, "route", "add", "blackhole", "default", "metric", "4000");
    for (let node = 1; node <= this.count; node++) this.join(node);
  }

  private join(node: number): void {
    const { router } = this;
    const name = this.name(node);
    must("netns", "add", name);
    must("-n", name, "link", "set", "lo", "up");
    must("-n", name, "link", "add", "net", "type", "veth", "peer", "name", `node${node}`, "netns", router);
    must("-n", name, "addr", "add", `${this.address(node)}/30`, "dev", "net");
    must("-n", router, "addr", "add", `${this.net}.${4 * node + 1}/30`, "dev", `node${node}`);
    must("-n", name, "link", "set", "net", "up");
    must("-n", router, "link", "set", `node${node}`, "up");
    must("-n", name, "route", "add", "default", "via", `${this.net}.${4 * node + 1}`);
  }

  name(node: number): string {
    return `${this.tag}-${node}`;
  }

  address(node: number): string {
    return `${this.net}.${4 * node + 2}`;
  }

  /** Bash that runs a manager's command in the namespace of its block: the n-th block is on the n-th node. */
  launcher(whenOver = ""): string {
    const command = `ip netns exec "${this.tag}-$(( (\${CARAWAY_BLOCK##*-} - 1) % ${this.count} + 1 ))" "$@"`;
    return whenOver === "" ? `exec ${command}` : `${command}\n${whenOver}`;
  }

  /** Processes in a node's namespace. */
  processes(node: number): number[] {
    return ip("netns", "pids", this.name(node)).out.split(/\s+/).filter(Boolean).map(Number);
  }

  linkDown(node: number | "head"): void {
    must("-n", this.router, "link", "set", deviceOf(node), "down");
  }

  linkUp(node: number | "head"): void {
    must("-n", this.router, "link", "set", deviceOf(node), "up");
  }

  cut(node: number, which: Cut): void {
    if (which !== "to-head") must("-n", this.router, "route", "add", "blackhole", `${this.address(node)}/32`);
    if (which !== "to-node") must("-n", this.router, "rule", "add", "iif", deviceOf(node), "blackhole");
  }

  heal(node: number, which: Cut): void {
    if (which !== "to-head") must("-n", this.router, "route", "del", "blackhole", `${this.address(node)}/32`);
    if (which !== "to-node") must("-n", this.router, "rule", "del", "iif", deviceOf(node), "blackhole");
  }

  /** Takes all of it away, whatever of it there is. */
  remove(): void {
    ip("link", "del", this.tag);
    for (const name of [...Array.from({ length: this.count }, (_, i) => this.name(i + 1)), this.router]) ip("netns", "del", name);
  }
}

const deviceOf = (node: number | "head"): string => (node === "head" ? "head" : `node${node}`);

/** The first of some private networks that nothing here uses. */
function freeNet(): string {
  const used = ip("-4", "route", "show", "table", "all").out;
  const free = Array.from({ length: 250 }, (_, i) => `10.203.${((process.pid + i) % 250) + 1}`).find((net) => !used.includes(`${net}.`));
  if (free === undefined) throw new Error("every network that a test may use is in use");
  return free;
}

export interface NodesOptions extends ClusterOptions {
  /** Nodes, with one block on each. */
  readonly nodes?: number;
  /** Bash that a block's job goes on with when its manager's process has ended. */
  readonly whenOver?: string;
  /** Before the program starts. */
  readonly prepare?: (nodes: Nodes) => void;
}

/** The program here, and each of its managers in a network of its own. */
export async function withNodes({ nodes: count = 1, whenOver, prepare, ...options }: NodesOptions, body: (cluster: Cluster, nodes: Nodes) => Promise<void>): Promise<void> {
  const nodes = new Nodes(count);
  onTestFinished(() => nodes.remove());
  prepare?.(nodes);
  await withCluster({ address: nodes.head, launcher: nodes.launcher(whenOver), ...options, provider: { initBlocks: count, maxBlocks: count, ...options.provider } }, (cluster) => body(cluster, nodes));
}
