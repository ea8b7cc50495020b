// A shop of three actors that loses parts of itself and goes on. Run it: node examples/supervised-service/main.mjs
import { filter, firstValueFrom } from "rxjs";
import { createActorSystem } from "caraway/actors";
import { intakeMachine } from "./intake.mjs";
import { stockMachine } from "./stock.mjs";

const open = setInterval(() => undefined, 60_000); // a service has a socket open; an actor system holds nothing open by itself
const warehouse = { shelf: { tea: 3, cups: 1 }, full: false };

const system = createActorSystem({ name: "shop" });
const to = (path) => system.lookup(`shop/${path}`);

const stock = {
  id: "stock",
  machine: stockMachine,
  effects: {
    "shelf.read": (_effect, self) => self.ref.tell({ type: "shelf.known", shelf: warehouse.shelf }),
    "shelf.write": ({ shelf }) => {
      if (warehouse.full) throw new Error("no space left on the disk");
      warehouse.shelf = shelf;
    },
    "order.reserved": (effect) => to("service/counter/intake").tell(effect),
    "order.refused": (effect) => to("service/counter/intake").tell(effect),
  },
};

const intake = {
  id: "intake",
  machine: intakeMachine,
  effects: {
    "stock.reserve": ({ order, item }) => to("service/counter/stock").tell({ type: "reserve", order, item }),
    "mail.send": (effect) => to("service/mailer").tell(effect),
  },
};

const mailer = {
  id: "mailer",
  module: new URL("./mailer.mjs", import.meta.url),
  on: "thread",
  shutdown: "brutal_kill",
  backoff: { min: "10ms", max: "1s" },
};

const service = await system.supervise(
  {
    strategy: "one_for_one",
    intensity: 5,
    period: "10s",
    children: [mailer, { id: "counter", supervisor: { strategy: "rest_for_one", intensity: 3, period: "10s", children: [stock, intake] } }],
  },
  "service",
);

const show = ({ id, type, state, incarnation, children }, depth = 0) => {
  console.log(`  ${"  ".repeat(depth)}${id}: ${type}, ${state}, incarnation ${incarnation}`);
  for (const child of children) show(child, depth + 1);
};
const lives = system.transitions$.subscribe(({ kind, id, from, to: state, message }) => {
  if (kind === "child" && from !== undefined && from !== state) console.log(`  ${id}: ${from} → ${state} (${message.type})`);
});
const decided = async (many) => {
  const all = ({ status, context }) => status === "running" && Object.values(context.orders).filter((order) => order !== "waiting").length === many;
  return (await firstValueFrom(to("service/counter/intake").snapshot$.pipe(filter(all)))).context.orders;
};
const order = (who, item) => to("service/counter/intake").tell({ type: "order", order: who, item });

console.log("The tree:");
show(system.tree());

console.log("Three orders:");
order("ada", "tea");
order("grace", "cups");
order("edsger", "cups");
console.log(" ", await decided(3), "mails:", await to("service/mailer").ask({ type: "sent" }));

console.log("The disk is full, and the stock cannot write:");
let fault;
system.watch(to("service/counter/stock"), ({ error }) => (fault = error));
warehouse.full = true;
order("barbara", "tea");
await new Promise((resolve) => system.watch(to("service/counter/intake"), resolve));
warehouse.full = false;
order("barbara", "tea");
console.log(" ", await decided(1), "tea:", await to("service/counter/stock").ask({ type: "count", item: "tea" }));

console.log(`What came before "${fault.message}":`);
for (const { what, message, from, to: state, effects = [], reason } of fault.where.story.slice(-3)) console.log(`  ${[what, message, from && `${from} → ${state}`, ...effects, reason].filter(Boolean).join(" ")}`);

console.log("The thread of the mailer ends:");
to("service/mailer").tell({ type: "mail.send", to: "mallory" });
to("service/mailer").tell({ type: "mail.send", to: "donald" });
console.log("  mails:", await to("service/mailer").ask({ type: "sent" }));

console.log("The mailer is caught in a loop:");
const caught = to("service/mailer");
caught.tell({ type: "mail.send", to: "the loop" });
const silence = await caught.ask({ type: "sent" }, { timeout: "200ms" }).catch((error) => error);
console.log(`  ${silence.name}: ${silence.message}`);
await service.stop("mailer");
console.log("  it ended:", await caught.ended);
const next = await service.restart("mailer");
console.log("  mails:", await next.ask({ type: "sent" }));

console.log("The story of the mailer that was killed:");
for (const { incarnation, what, message, reason } of system.story(caught)) console.log(`  ${[incarnation, what, message, reason].filter(Boolean).join(" ")}`);

console.log("The tree:");
show(system.tree());
lives.unsubscribe();
await system.stop();
clearInterval(open);
