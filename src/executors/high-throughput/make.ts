import { highThroughputSettings, type HighThroughputDescriptor } from "../../config/high-throughput.js";
import { makeProvider } from "../../providers/make-provider.js";
import type { Executor } from "../executor.js";
import { HighThroughput, type HighThroughputPorts, type RunSetting } from "./high-throughput.js";

const noLedger = { intend: () => undefined, submitted: () => undefined, ended: () => undefined };

/** The high-throughput executor that a checked description asks for. */
export async function makeHighThroughput(descriptor: HighThroughputDescriptor, ports: Pick<HighThroughputPorts, "dispatcher" | "listener" | "broken">, incarnation: number, run: RunSetting): Promise<Executor> {
  const settings = highThroughputSettings(descriptor);
  const provider = await makeProvider(settings.provider);
  return new HighThroughput(settings, run, { ...ports, provider, ledger: noLedger }, incarnation).frontEnd;
}
