import { Dispatcher } from "../actors/dispatcher.js";
import type { Ports } from "../actors/ports.js";
import type { StartHosted } from "../executors/high-throughput/actors/hosted-thread.js";
import { TupleLink } from "../executors/high-throughput/actors/tuple-link.js";
import type { Frame } from "../supervisors/frames.js";
import { Services } from "../supervisors/services.js";
import { ThreadHost } from "../supervisors/thread-host.js";
import { PausablePorts } from "./pausable-ports.js";

/** What modules would export by default, by their URLs. Each is made for its thread, whose clock it is given, and for its process. */
export type SimulatedModules = ReadonlyMap<string, (thread: Ports, process: PausablePorts) => unknown>;

/** The threads of actors in a simulated process: everything real but the threads. They stand still with it, and die with it. */
export function simulatedActors(process: PausablePorts, modules: SimulatedModules): StartHosted {
  return ({ module, width }, { counter, bytes }, { said, exited }) => {
    const ports = new PausablePorts(process);
    const flow = new Int32Array(bytes);
    let host: ThreadHost | undefined;
    const link = new TupleLink<Frame, Frame>(ports.scheduler, {
      width,
      send: (piece) => {
        Atomics.add(flow, 0, piece.length);
        process.scheduler.soon(() => said(piece));
      },
      backlog: () => (Atomics.load(flow, 0) - Atomics.load(flow, 1)) | 0,
      refused: () => undefined,
    });
    link.onMessage((first) => {
      host = new ThreadHost(new Services(ports, new Dispatcher(ports)), link, new Int32Array(counter), first, () => link.flush());
      link.onMessage((frame) => host?.receive(frame));
      const make = modules.get(module);
      void host.begin(() => (make !== undefined ? Promise.resolve(make(ports, process)) : Promise.reject(Object.assign(new Error(`there is no module ${module}`), { code: "ERR_MODULE_NOT_FOUND" }))));
    });
    const arrive = ports.gate((piece: Uint8Array) => link.receive(piece));
    return {
      send: (piece) => process.scheduler.soon(() => arrive(piece)),
      terminate: () => {
        if (!ports.isAlive) return;
        ports.kill();
        process.scheduler.soon(() => exited({ code: 1 }));
      },
    };
  };
}
