import { hostname } from "node:os";
import { workerData, type MessagePort } from "node:worker_threads";
import { Dispatcher } from "../../../actors/dispatcher.js";
import { realPorts } from "../../../actors/real-ports.js";
import { registerTypeScript } from "../../../actors/typescript.js";
import { carry } from "../../../supervisors/carried.js";
import { kinds, withRefs, type Frame } from "../../../supervisors/frames.js";
import { Services } from "../../../supervisors/services.js";
import { ThreadHost } from "../../../supervisors/thread-host.js";
import type { HostedData } from "./hosted-thread.js";
import { TupleLink } from "./tuple-link.js";

const { port, module, typescript, width, counter, bytes } = workerData as HostedData & { readonly port: MessagePort };
const ports = realPorts();
const [said, known] = [0, 1];
const flow = new Int32Array(bytes);

const link: TupleLink<Frame, Frame> = new TupleLink<Frame, Frame>(ports.scheduler, {
  width,
  send: (piece) => {
    Atomics.add(flow, said, piece.length);
    port.postMessage(piece, [piece.buffer]);
  },
  backlog: () => (Atomics.load(flow, said) - Atomics.load(flow, known)) | 0,
  // Whoever asked is told so; the rest was looked at before it was posted.
  refused: ([kind, , number], error) => {
    if ((kind & ~withRefs) === kinds.reply) link.post([kinds.refuse, 0, number, carry(error)]);
  },
});

link.onMessage((first) => {
  const host = new ThreadHost(new Services(ports, new Dispatcher(ports)), link, new Int32Array(counter), first, () => link.flush(), ` on ${hostname()} (${process.env["CARAWAY_BLOCK"]}), which must see its file`);
  link.onMessage((frame) => host.receive(frame));
  void host.begin(async () => {
    if (typescript !== undefined) await registerTypeScript(typescript);
    return ((await import(module)) as { readonly default?: unknown }).default;
  });
});
port.on("message", (piece: Uint8Array) => link.receive(piece));
