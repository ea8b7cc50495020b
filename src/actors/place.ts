import type { Thread, Threads, ThreadStart } from "./ports.js";

/** Where an actor's thread may live besides this process: a block, or one of its nodes. */
export abstract class Place implements Threads {
  /** In words, for errors. */
  abstract get name(): string;
  abstract start<Out extends readonly unknown[], In extends readonly unknown[]>(start: ThreadStart<Out>): Thread<Out, In>;
}
