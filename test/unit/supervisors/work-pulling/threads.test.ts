import { threadId } from "node:worker_threads";
import { expect, it } from "vitest";
import { createActorSystem } from "#internal/supervisors/system";
import { createWorkProducer } from "#internal/supervisors/work-pulling/producer";

const consumer = new URL("../modules/consumer.mjs", import.meta.url);

it("work is pulled by actors in threads, goes on after one of them has died under a job, and nothing is lost", { timeout: 30_000 }, async () => {
  const system = createActorSystem({ name: "works" });
  try {
    const top = await system.supervise({ intensity: 5, children: ["a", "b"].map((id) => ({ id, on: "thread" as const, module: consumer, restart: "permanent" as const })) }, "top");
    const producer = createWorkProducer<unknown, { readonly job: unknown; readonly thread: number }>({ system });
    for (const { ref } of top.children()) if (typeof ref === "object") producer.attach(ref);
    const jobs = Array.from({ length: 60 }, (_, n) => n);
    const answers = await Promise.all(jobs.map((job) => producer.offer(job)));
    expect(answers.map(({ job }) => job)).toEqual(jobs);
    expect(answers.map(({ thread }) => thread)).not.toContain(threadId);
    const more = ["x", "exit", "y", "z"].map((job) => producer.offer(job));
    expect((await Promise.all(more)).map(({ job }) => job)).toEqual(["x", "exit", "y", "z"]);
    await expect(producer.offer(() => undefined)).rejects.toThrow(/the job cannot be carried to a consumer: .*uncloneable/);
    await expect(producer.offer("function")).rejects.toThrow(/the answer of a job cannot be carried/);
    expect(top.children().reduce((sum, { restarts }) => sum + restarts, 0)).toBeGreaterThanOrEqual(1);
    await producer.close();
    expect(producer.counts).toEqual({ waiting: 0, unconfirmed: 0, consumers: 0 });
  } finally {
    await system.stop();
  }
});
