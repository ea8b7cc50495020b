import { join } from "node:path";
import { highThroughputSettings, type HighThroughputDescriptor } from "../../config/high-throughput.js";
import { JobLedger } from "../../providers/job-ledger.js";
import { makeProvider } from "../../providers/make-provider.js";
import type { Executor } from "../executor.js";
import { HighThroughput, type HighThroughputPorts, type RunSetting } from "./high-throughput.js";
import { ledgerIn, putAway, sweepLeftovers } from "./leftovers.js";

/** The high-throughput executor that a checked description asks for. Jobs that earlier runs left behind are ended meanwhile. */
export async function makeHighThroughput(descriptor: HighThroughputDescriptor, ports: Pick<HighThroughputPorts, "dispatcher" | "listener" | "broken">, incarnation: number, run: RunSetting): Promise<Executor> {
  const settings = highThroughputSettings(descriptor);
  const { label } = settings;
  const directory = join(run.directory(), incarnation === 1 ? label : `${label}.${incarnation}`);
  const provider = await makeProvider(settings.provider);
  const ledger = await JobLedger.open(ledgerIn(directory));
  const sweeping = sweepLeftovers(run.directory(), settings.provider, (error) => run.trouble(label, error));
  sweeping.catch((error: unknown) => ports.broken(error));
  const release = async (): Promise<void> => {
    await sweeping.catch(() => undefined);
    await provider.close();
    await putAway(ledger);
  };
  return new HighThroughput(settings, run, { ...ports, directory, provider, ledger: ledger.ofProvider(settings.provider.kind), release }, incarnation).frontEnd;
}
