import { ThreadWorker } from "poolifier";
import { echo, increment, size, sum } from "./operations.mjs";

// The first function is poolifier's default.
export default new ThreadWorker({ echo, increment, size, sum });
