// The smallest workflow: prints the first result.
import { app, threadPool, withKernel } from "caraway";

await withKernel({ executors: [threadPool({ maxThreads: 2 })] }, async () => {
  const square = app((/** @type {number} */ x) => x * x);
  console.log(await square(7));
});
