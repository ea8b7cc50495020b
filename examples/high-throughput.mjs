// The same program, on managers: processes that a provider starts, here on this machine, elsewhere by Slurm. Run it: npx caraway run examples/high-throughput.mjs
import { app, bashApp, highThroughput, local, sh, withKernel } from "caraway";

// Blocks are jobs of a provider: replace local() by slurm({ partition: "debug", nodesPerBlock: 2, walltime: "30m" }) and nothing else changes.
const cluster = highThroughput({ label: "cluster", maxWorkersPerNode: 2, provider: local({ maxBlocks: 1 }) });

await withKernel({ executors: [cluster], retries: 1 }, async () => {
  const where = app(async function where(n) {
    const { task } = await import("caraway/task");
    return `${n * n} from ${task.block}`;
  });
  const shout = bashApp((words) => sh`tr a-z A-Z <<< ${words}`, { returns: "lines" });

  // Futures travel between managers as between threads.
  const [loud] = await shout(where(6));
  console.log(loud);
});
