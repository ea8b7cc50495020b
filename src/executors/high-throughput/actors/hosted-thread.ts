import { MessageChannel, receiveMessageOnPort, Worker, type ResourceLimits } from "node:worker_threads";

/** What an actor at a node is started with, as its owner says it. */
export interface Opening {
  readonly module: string;
  readonly typescript: string | undefined;
  readonly resourceLimits: ResourceLimits;
  readonly width: number;
  readonly path: string;
  readonly incarnation: number;
}

export interface HostedThread {
  send(bytes: Uint8Array): void;
  terminate(): void;
}

export interface HostedThreadEvents {
  readonly said: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Once, after all it said. */
  readonly exited: (end: { readonly code: number; readonly error?: unknown }) => void;
}

/** What the thread of an actor and its manager both see. */
export interface HostedMemory {
  /** The thread's own counter. */
  readonly counter: SharedArrayBuffer;
  /** Bytes that the thread has said, and of these, that its owner is known to have; both go round. */
  readonly bytes: SharedArrayBuffer;
}

/** What a hosted actor's thread finds in `workerData`, beside its port. */
export type HostedData = Pick<Opening, "module" | "typescript" | "width"> & HostedMemory;

export type StartHosted = (opening: Opening, memory: HostedMemory, events: HostedThreadEvents) => HostedThread;

/** With a larger space for new objects, Node 24 cannot end a thread in time when its memory runs out, and ends the whole process. */
const maxYoungGenerationSizeMb = 48;

/** A worker thread of this process with an actor in it. */
export const hostedThreads = (env: NodeJS.ProcessEnv): StartHosted => ({ module, typescript, width, resourceLimits }, memory, { said, exited }) => {
  const { port1, port2 } = new MessageChannel();
  const data: HostedData = { module, typescript, width, ...memory };
  const worker = new Worker(new URL("./actor-main.js", import.meta.url), { workerData: { ...data, port: port2 }, transferList: [port2], env, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb, ...resourceLimits } });
  let error: { readonly error: unknown } | undefined;
  port1.on("message", said);
  worker.once("error", (cause) => (error = { error: cause }));
  worker.once("exit", (code) => {
    for (let rest = receiveMessageOnPort(port1); rest !== undefined; rest = receiveMessageOnPort(port1)) said(rest.message as Uint8Array<ArrayBuffer>);
    port1.close();
    exited({ code, ...error });
  });
  return {
    send: (bytes) => port1.postMessage(bytes),
    terminate: () => void worker.terminate(),
  };
};
