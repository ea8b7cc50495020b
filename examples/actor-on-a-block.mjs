// An actor on a node of a block, under a supervisor of this program: its node is killed, and the actor goes on elsewhere. Run it: node examples/actor-on-a-block.mjs
import { createActorSystem } from "caraway/actors";
import { highThroughput, local, withKernel } from "caraway";

const nodes = highThroughput({ label: "nodes", maxWorkersPerNode: 1, provider: local({ initBlocks: 1, maxBlocks: 2 }) });

const open = setInterval(() => undefined, 60_000); // a service has a socket open; actors that wait hold nothing open by themselves

await withKernel({ executors: [nodes] }, async (kernel) => {
  const system = createActorSystem({ name: "survey" });
  const supervisor = await system.supervise({ intensity: 5, period: "10s" });
  const counter = await supervisor.start({ id: "counter", on: await kernel.block("nodes"), module: new URL("./actor-on-a-block/counter.mjs", import.meta.url), restart: "permanent" });

  counter.events$.subscribe((event) => console.log("it says:", event));
  for (const word of "caraway cumin anise caraway".split(" ")) counter.tell({ type: "count", word });
  console.log("caraway was seen", await counter.ask({ type: "seen", word: "caraway" }), "times");

  const { pid } = await counter.ask({ type: "where" });
  const ended = new Promise((resolve) => void system.watch(counter, resolve));
  process.kill(pid, "SIGKILL");
  console.log("its end:", (await ended).error.name);
  console.log("it is back, with nothing counted:", await counter.ask({ type: "seen", word: "caraway" }, { timeout: "30s" }), "as incarnation", counter.incarnation);
  await system.stop();
});
clearInterval(open);
