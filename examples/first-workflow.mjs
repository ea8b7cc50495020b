// Functions become apps; calls give futures; futures go into other calls. Run it: npx caraway run examples/first-workflow.mjs
import { app, threadPool, withKernel } from "caraway";

await withKernel({ executors: [threadPool({ maxThreads: 4 })], retries: 1 }, async () => {
  const square = app(function square(x) {
    return x * x;
  });
  const sum = app(function sum(numbers) {
    return numbers.reduce((total, number) => total + number, 0);
  });

  // Three squares run at the same time; the sum waits for them. Futures at any depth are dependencies.
  const squares = [1, 2, 3].map((x) => square(x));
  console.log("1 + 4 + 9 =", await sum(squares));
});
