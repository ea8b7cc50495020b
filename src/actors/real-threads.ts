import { MessageChannel, Worker } from "node:worker_threads";
import { messagePortLink } from "./links/message-port.js";
import type { Scheduler, Thread, Threads, ThreadStart } from "./ports.js";

/** With a larger space for new objects, Node 24 cannot end a thread in time when its memory runs out, and ends the whole program. */
const maxYoungGenerationSizeMb = 48;

/** A thread that was ended is waited for so long, in milliseconds. */
const patience = 1000;

/** Threads inherit `--input-type`, with which Node starts nothing but texts. */
const fromText = process.execArgv.some((arg) => arg.startsWith("--input-type"));

/** Worker threads of this process. */
export function realThreads(scheduler: Scheduler): Threads {
  return { start: (start) => startThread(scheduler, start) };
}

function startThread<Out extends readonly unknown[], In extends readonly unknown[]>(scheduler: Scheduler, { entry, data, resourceLimits, width, counter, refused, exited }: ThreadStart<Out>): Thread<Out, In> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(fromText ? `import(${JSON.stringify(entry.href)});` : entry, { eval: fromText, workerData: { ...data, counter, port: port2 }, transferList: [port2], resourceLimits: { maxYoungGenerationSizeMb, ...resourceLimits } });
  const link = messagePortLink<Out, In>(port1, scheduler, { width, holds: false, refused });
  let error: { readonly error: unknown } | undefined;
  worker.once("error", (cause) => (error = { error: cause }));
  worker.once("exit", (code) => {
    link.drain();
    link.close();
    exited({ code, ...error });
  });
  return {
    link,
    patience,
    hold: (held) => (held ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  };
}
