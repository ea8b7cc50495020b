import { ThreadWorker } from "poolifier";
import { echo, increment, size, sum } from "./operations.mjs";

// The first function is poolifier's default.
export default new ThreadWorker(/** @type {import("poolifier").TaskFunctions} */ ({ echo, increment, size, sum }));
