import { execFileSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { threadId } from "node:worker_threads";
import { transfer } from "#internal/actors-entry";

const say = (word) => {
  Atomics.store(word, 0, 1);
  Atomics.notify(word, 0);
};

/** An actor that does what it is told, for the tests of actors in threads. */
export default (self) => {
  let count = 0;
  let kept;
  const orders = {
    count: () => count,
    where: () => ({ thread: threadId, path: self.ref.path, id: self.ref.id, incarnation: self.incarnation, input: self.input }),
    aside: () => count,
    me: () => self.ref,
    fail: () => {
      throw Object.assign(new RangeError("planned", { cause: new Error("inner") }), { code: "PLANNED" });
    },
    exit: ({ code }) => process.exit(code),
    end: ({ reason }) => self.exit(reason),
    late: () => void setImmediate(() => {
      throw new TypeError("from a callback");
    }),
    exhaust: () => {
      for (const all = []; ; ) all.push(new Array(1000).fill(Math.random()));
    },
    loop: ({ said }) => {
      say(said);
      for (;;);
    },
    "loop soon": () => void setTimeout(() => {
      for (;;);
    }, 5),
    "where from": () => ({ block: process.env.CARAWAY_BLOCK, manager: process.env.CARAWAY_MANAGER, pid: process.pid }),
    "write every ms": ({ file }) => void setInterval(() => appendFileSync(file, `${self.incarnation} ${Date.now()}\n`), 1),
    flood: ({ count, bytes }) => {
      for (let i = 0; i < count; i++) self.emit({ i, bytes: new Uint8Array(bytes) });
    },
    wait: ({ said, until }) => {
      say(said);
      Atomics.wait(until, 0, 0);
    },
    "run a command": ({ directory }) => void execFileSync("sh", ["-c", "touch started; read line < pipe"], { cwd: directory }),
    "ignore stop": () => self.onStop(() => new Promise(() => undefined)),
    "answer a function": () => () => 1,
    announce: ({ event }) => self.emit(event),
    "announce a function": () => self.emit({ what: () => 1 }),
    double: ({ memory }) => {
      const numbers = new Float64Array(memory).map((x) => x * 2);
      return transfer({ memory: numbers.buffer }, [numbers.buffer]);
    },
    forward: async ({ to, message }) => ({ answer: await to.ask(message) }),
    "tell a dead one": async () => {
      const child = await self.spawn({ id: "short", run: (its) => its.receive((reason) => its.exit(reason)) });
      child.tell("normal");
      await child.ended;
      child.tell("too late");
    },
    "to itself and out": () => {
      self.ref.tell({ type: "count" });
      self.exit("normal");
    },
    keep: ({ ref }) => void (kept = ref),
    "is it the same": ({ ref }) => ref === kept,
    watch: ({ ref }) => void self.watch(ref, (reason) => self.emit({ ended: ref.path, reason })),
    "look at": ({ ref }) => void ref.events$.subscribe({ next: (seen) => self.emit({ seen }), complete: () => self.emit({ over: ref.path }) }),
    spawn: () => self.spawn({ id: "inner", run: (its) => its.receive((message, reply) => {
      if (message === "fail") throw new Error("inner failed");
      if (message?.say !== undefined) its.emit(message.say);
      else if (typeof message === "object") its.exit(message.exit);
      reply(`inner heard ${message}`);
    }) }),
  };
  self.onStop((reason) => self.emit({ stopping: reason }));
  self.receive(async (message, reply) => {
    count++;
    if (message.type === "aside" && self.incarnation === 1) {
      self.stash();
      return;
    }
    if (message.type === "aside") count += 100;
    const answer = orders[message.type](message);
    reply(answer instanceof Promise ? await answer : answer);
  });
};
