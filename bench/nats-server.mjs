// A NATS server for one measurement, on the loopback interface; it ends with this process.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NotBuilt } from "./contenders.mjs";

/** Figures that have links compare them with those through NATS where this is asked for: `node bench/links.mjs --link nats`. */
export const isNatsAsked = () => process.argv.includes("--link") && process.argv[process.argv.indexOf("--link") + 1] === "nats";

/** With JetStream, which costs nothing where nobody uses it. @returns {Promise<string>} its address */
export async function natsServer() {
  const port = await freePort();
  const store = mkdtempSync(join(tmpdir(), "caraway-nats-"));
  const child = spawn("nats-server", ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", store], { stdio: "ignore" });
  const missing = new Promise((_, reject) => child.once("error", () => reject(new NotBuilt("nats-server is not here: run scripts/test-hosts"))));
  process.once("exit", () => {
    child.kill("SIGKILL");
    rmSync(store, { recursive: true, force: true, maxRetries: 3 });
  });
  await Promise.race([missing, answering(port)]);
  child.unref();
  return `127.0.0.1:${port}`;
}

/** @returns {Promise<number>} */
function freePort() {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    }),
  );
}

/** @param {number} port */
async function answering(port) {
  for (;;) {
    const isUp = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      }).once("error", () => resolve(false));
    });
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
