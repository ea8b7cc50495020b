import { app, highThroughput, local, withKernel } from "caraway";

await withKernel({ executors: [highThroughput({ maxWorkersPerNode: 1, provider: local() })] }, async () => {
  const square = app((/** @type {number} */ x) => x * x);
  console.log(await square(7));
});
