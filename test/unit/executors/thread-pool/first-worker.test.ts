import { once } from "node:events";
import type { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import type { ThreadEnd } from "#internal/state-machines/thread";
import type { LaneEvents } from "#internal/executors/thread-pool/host";
import { PiscinaHost } from "#internal/executors/thread-pool/piscina-host";

const hosts: PiscinaHost[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()));
});

function bootedHost(env: Record<string, string> = {}): PiscinaHost {
  const host = new PiscinaHost({ label: "first", env });
  hosts.push(host);
  host.bootFirst();
  return host;
}

/** What a lane tells: its first message, and its end. */
function listener() {
  const events: LaneEvents = { answers: () => undefined, message: () => undefined, exited: () => undefined };
  const ready = new Promise<string>((resolve) => (events.message = ({ t }) => resolve(t)));
  const ended = new Promise<ThreadEnd>((resolve) => (events.exited = resolve));
  return { events, ready, ended };
}

/** The exit code of the next thread of this process. */
async function nextExit(): Promise<number> {
  const [worker] = (await once(process, "worker")) as [Worker];
  const [code] = (await once(worker, "exit")) as [number];
  return code;
}

test("what a worker says before its lane is opened is told then", async () => {
  const host = bootedHost();
  await host.start();
  const { events, ready, ended } = listener();
  const link = host.open(0, events);
  expect(await ready).toBe("ready");
  link.kill();
  expect(await ended).toEqual({ code: 1 });
});

test("a worker that ended before its lane is opened tells its end then, once the lane is there", async () => {
  const exit = nextExit();
  const host = bootedHost({ NODE_OPTIONS: "--import=data:text/javascript,process.exit(7)" });
  expect(await exit).toBe(7);
  const { events, ended } = listener();
  let told = false;
  void ended.then(() => (told = true));
  host.open(0, events);
  await Promise.resolve();
  expect(told).toBe(false);
  expect(await ended).toEqual({ code: 7 });
});

test("only the first lane is booted ahead, and only once", async () => {
  const host = bootedHost();
  const listeners = [listener(), listener(), listener()];
  const links = [0, 1, 0].map((lane, i) => host.open(lane, (listeners[i] as (typeof listeners)[0]).events));
  expect(new Set(links).size).toBe(3);
  for (const { ready } of listeners) expect(await ready).toBe("ready");
  for (const link of links) link.kill();
  await Promise.all(listeners.map(({ ended }) => ended));
});

test("a worker that nobody asked for ends with its host", async () => {
  const exit = nextExit();
  let gone = false;
  void exit.then(() => (gone = true));
  await bootedHost().close();
  await new Promise(setImmediate);
  expect(gone).toBe(true);
});
