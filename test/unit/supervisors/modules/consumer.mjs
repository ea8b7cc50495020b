import { threadId } from "node:worker_threads";
import { consumeWork } from "#internal/actors-entry";

/** Consumes work in a thread of its own; the job "exit" ends the thread the first time it comes, and what is a function cannot be answered. */
export default (self) => {
  consumeWork(self, (job) => {
    if (job === "exit" && self.incarnation === 1) process.exit(7);
    return job === "function" ? () => undefined : { job, thread: threadId };
  }, { credit: 4 });
};
