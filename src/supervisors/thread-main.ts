import { workerData, type MessagePort } from "node:worker_threads";
import { Dispatcher } from "../actors/dispatcher.js";
import { messagePortLink } from "../actors/links/message-port.js";
import { realPorts } from "../actors/real-ports.js";
import { registerTypeScript } from "../actors/typescript.js";
import { frameWidth, type Frame } from "./frames.js";
import { Services } from "./services.js";
import type { ThreadData } from "./thread-protocol.js";
import { ThreadHost } from "./thread-host.js";

const { port, module, counter, typescript } = workerData as ThreadData & { readonly port: MessagePort; readonly counter: SharedArrayBuffer };
const ports = realPorts();
const link = messagePortLink<Frame, Frame>(port, ports.scheduler, { width: frameWidth, holds: true, refused: () => undefined });

link.onMessage((first) => {
  const host = new ThreadHost(new Services(ports, new Dispatcher(ports)), link, new Int32Array(counter), first, () => link.flush());
  link.onMessage((frame) => host.receive(frame));
  void host.begin(async () => {
    if (typescript !== undefined) await registerTypeScript(typescript);
    return ((await import(module)) as { readonly default?: unknown }).default;
  });
});
