// A join app decides what to run next by what was found: here, how finely to integrate. Run it: npx caraway run examples/join.mjs
import { app, joinApp, withKernel } from "caraway";

await withKernel(async () => {
  // Simpson's rule on one piece of a quarter of the unit circle, and how far a coarser one is from it.
  const piece = app(function piece(from, to) {
    const height = (x) => Math.sqrt(1 - x * x);
    const middle = (from + to) / 2;
    const area = (a, b) => ((b - a) / 6) * (height(a) + 4 * height((a + b) / 2) + height(b));
    return { from, to, area: area(from, middle) + area(middle, to), error: Math.abs(area(from, middle) + area(middle, to) - area(from, to)) };
  });

  const add = app(function add(parts) {
    return { area: parts.reduce((sum, part) => sum + part.area, 0), pieces: parts.reduce((sum, part) => sum + part.pieces, 0) };
  });

  // Pieces that are not exact enough are cut in two, which are pieces again.
  const integrate = joinApp(function integrate(from, to, tolerance) {
    return refine(piece(from, to), tolerance);
  });
  const refine = joinApp(function refine({ from, to, area, error }, tolerance) {
    if (error <= tolerance) return { area: Promise.resolve(area), pieces: Promise.resolve(1) };
    const middle = (from + to) / 2;
    return add([integrate(from, middle, tolerance / 2), integrate(middle, to, tolerance / 2)]);
  });

  const { area, pieces } = await integrate(0, 1, 1e-6);
  console.log(`pi is about ${(4 * area).toFixed(5)}, from ${pieces} pieces that were cut where it mattered`);
});
