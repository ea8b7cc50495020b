import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why the tests of a real NATS cannot run here; undefined where they can. */
export function noNats(): string | undefined {
  try {
    execFileSync("nats-server", ["--version"], { timeout: 10_000, stdio: "pipe" });
    return undefined;
  } catch {
    return "nats-server is not here: run scripts/test-hosts";
  }
}

export interface ServerSettings {
  readonly port: number;
  /** Lines of its configuration, besides where it listens; or what makes them of its own directory. */
  readonly lines?: string | ((directory: string) => string);
}

/** Lines of a server that has JetStream. */
export const jetStream = (directory: string): string => `jetstream { store_dir: "${directory}/jetstream", max_file_store: 1GB, max_memory_store: 256MB }`;

/** A real server on the loopback interface, with a configuration of its own. */
export class NatsServer {
  private process: ChildProcess | undefined;
  private readonly directory = mkdtempSync(join(tmpdir(), "caraway-nats-"));

  constructor(readonly settings: ServerSettings) {
    const { port, lines = "" } = settings;
    writeFileSync(this.configuration, `host: 127.0.0.1\nport: ${port}\n${typeof lines === "string" ? lines : lines(this.directory)}\n`);
  }

  get url(): string {
    return `127.0.0.1:${this.settings.port}`;
  }

  get pid(): number | undefined {
    return this.process?.pid;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<this> {
    const child = spawn("nats-server", ["--config", this.configuration, "--log", join(this.directory, "log")], { stdio: "ignore" });
    this.process = child;
    const failed = new Promise<never>((_, reject) => child.once("exit", (code, signal) => reject(new Error(`nats-server ended (${signal ?? code}), see ${this.directory}/log`))));
    failed.catch(() => undefined);
    await Promise.race([answering(this.settings.port), failed]);
    return this;
  }

  /** Ends it, as a crash does unless said otherwise; it may be started again. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { process: child } = this;
    this.process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }

  /** It stands still, and keeps its connections; or goes on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.process?.kill(signal);
  }

  async destroy(): Promise<void> {
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  private get configuration(): string {
    return join(this.directory, "server.conf");
  }
}

/** One server that is up. */
export const startServer = async (lines?: ServerSettings["lines"]): Promise<NatsServer> => await new NatsServer({ port: await freePort(), ...(lines === undefined ? {} : { lines }) }).start();

/** A cluster of so many servers, each of which knows all others. */
export async function startCluster(count: number, more: (directory: string) => string = () => ""): Promise<NatsServer[]> {
  const ports = await Promise.all(Array.from({ length: count }, async () => ({ client: await freePort(), route: await freePort() })));
  const routes = ports.map(({ route }) => `nats-route://127.0.0.1:${route}`).join(", ");
  const servers = ports.map(({ client, route }, index) => new NatsServer({ port: client, lines: (directory) => `server_name: s${index}\ncluster { name: caraway, host: 127.0.0.1, port: ${route}, routes: [${routes}] }\n${more(directory)}` }));
  await Promise.all(servers.map((server) => server.start()));
  return servers;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)));
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Resolves when something listens there. */
async function answering(port: number): Promise<void> {
  for (const until = performance.now() + 10_000; performance.now() < until; ) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => resolve(true)).once("error", () => resolve(false)).once("close", () => resolve(false));
      socket.once("data", () => socket.destroy());
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`nothing listens at port ${port}`);
}
