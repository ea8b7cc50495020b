import { expect, it } from "vitest";
import { createActorSystem, type Self } from "#internal/actors-entry";

it("actors that go on telling each other leave timers and I/O their turn", async () => {
  const system = createActorSystem({ name: "restless" });
  const supervisor = await system.supervise({});
  let told = 0;
  const echo = await supervisor.start({
    id: "echo",
    restart: "temporary",
    run: (self: Self<string>) => {
      self.receive(() => {
        told++;
        // In a microtask of its own: the mailbox is empty in between.
        void Promise.resolve().then(() => self.ref.tell("again"));
      });
    },
  });
  echo?.tell("begin");
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
  expect(told).toBeGreaterThan(0);
  await system.stop();
});
