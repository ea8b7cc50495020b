import { fromPromise } from "xstate";

export default { logic: fromPromise(({ input }) => (input.fails ? Promise.reject(new Error("planned")) : Promise.resolve(1))) };
