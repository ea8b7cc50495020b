import { describe, expect, it } from "vitest";
import { setup } from "xstate";
import { longestStory, type StoryEntry } from "#internal/actors/flight-recorder";
import { SupervisionError, type AskTimeout } from "#internal/errors/index";
import type { ChildSpec, Self } from "#internal/supervisors/types";
import { Lab, refOf } from "./lab.js";

interface Placed extends Error {
  readonly where: { readonly actor: string; readonly story: readonly StoryEntry[] };
}

const door = setup({ types: { events: {} as { readonly type: "open" | "shut" | "break" }, emitted: {} as { readonly type: "creak" | "bang" } } });
const doorMachine = door.createMachine({
  id: "door",
  initial: "closed",
  states: {
    closed: { on: { open: { target: "ajar", actions: [door.emit({ type: "creak" }), door.emit({ type: "creak" })] }, shut: {}, } },
    ajar: { on: { shut: { target: "closed", actions: door.emit({ type: "bang" }) }, open: {} } },
  },
});

const one = async (spec: Partial<ChildSpec>) => {
  const lab = new Lab();
  const top = await lab.supervise({ intensity: 5, children: [{ id: "a", ...spec }] });
  return { lab, top, ref: refOf(top, "a") };
};

const words = (story: readonly StoryEntry[]): string[] => story.map(({ at, incarnation, what, message, from, to, effects, reason }) => [at, `#${incarnation}`, what, message, from === undefined ? undefined : `${from}->${to ?? "?"}`, effects?.join("+"), reason].filter((part) => part !== undefined).join(" "));

describe("the story of an actor", () => {
  it("of a chart tells each message, the states before and after, and the effects", async () => {
    const { lab, ref } = await one({ machine: doorMachine });
    ref.tell({ type: "open" });
    await lab.ports.settle();
    lab.ports.runFor(10);
    ref.tell({ type: "open" });
    ref.tell({ type: "shut" });
    await lab.ports.settle();
    expect(words(lab.system.story(ref))).toEqual(["0 #1 launched", "0 #1 started", "0 #1 message open closed->ajar creak+creak", "10 #1 message open ajar->ajar", "10 #1 message shut ajar->closed bang"]);
  });

  it("of a function tells its messages, notices and ends, over all incarnations", async () => {
    const { lab, top, ref } = await one({ run: (self: Self) => self.receive((message) => { if (message === "boom") throw new TypeError("not that"); }) });
    for (const message of ["hello", { type: "order" }, { id: 1 }, [1], 7, "boom", "again"]) ref.tell(message);
    await lab.ports.settle();
    await lab.settled(top.stop("a"));
    expect(words(lab.system.story(ref))).toEqual(["0 #1 launched", "0 #1 started", "0 #1 message hello", "0 #1 message order", "0 #1 message object", "0 #1 message array", "0 #1 message number", "0 #1 message boom", "0 #1 ended error: TypeError: not that", "0 #2 launched", "0 #2 started", "0 #2 message again", "0 #2 ended shutdown", "0 #2 retired shutdown"]);
  });

  it("keeps the latest, and no more than its length", async () => {
    const { lab, ref } = await one({ run: (self: Self<number>) => self.receive(() => undefined) });
    for (let n = 0; n < 100; n++) ref.tell(`m${n}`);
    await lab.ports.settle();
    expect(lab.system.story(ref).map(({ message }) => message)).toEqual(Array.from({ length: longestStory }, (_, i) => `m${100 - longestStory + i}`));
  });

  it("holds no message alive: it is text and numbers, and can be cloned and written as JSON", async () => {
    const { lab, ref } = await one({ restart: "temporary", run: (self: Self) => self.receive(() => { throw Object.assign(new Error("big"), { self }); }) });
    ref.tell({ type: "big", body: () => undefined });
    await lab.ports.settle();
    const story = lab.system.story(ref);
    expect(structuredClone(story)).toEqual(story);
    expect(JSON.parse(JSON.stringify(story))).toEqual(story);
  });

  it("is that of the latest incarnation of a chart that broke, up to the step that broke it", async () => {
    const { lab, ref } = await one({ machine: doorMachine, restart: "temporary" });
    ref.tell({ type: "open" });
    ref.tell({ type: "break" });
    await lab.ports.settle();
    expect(words(lab.system.story(ref)).slice(2)).toEqual(["0 #1 message open closed->ajar creak+creak", "0 #1 message break ajar->?", expect.stringMatching(/^0 #1 ended error: Error: .* has no answer to "break"/), expect.stringMatching(/^0 #1 retired error: /)]);
  });
});

describe("the error that an actor ends with", () => {
  const failing = async (error: unknown) => {
    const { lab, ref } = await one({ restart: "temporary", run: (self: Self<string>) => self.receive(() => { throw error; }) });
    ref.tell("go");
    await lab.ports.settle();
    const end = (await ref.ended) as { readonly error: unknown };
    expect(end.error).toBe(error);
    return { lab, ref };
  };

  it("has the actor's path and story in its where, without showing it among its properties", async () => {
    const error = new Error("broken") as Placed;
    await failing(error);
    expect(error.where.actor).toBe("lab/top/a");
    expect(words(error.where.story)).toEqual(["0 #1 launched", "0 #1 started", "0 #1 message go", "0 #1 ended error: Error: broken"]);
    expect(Object.keys(error)).toEqual([]);
  });

  it("keeps what was known in the where of caraway's own errors", async () => {
    const error = new SupervisionError("CW-SUP-001", "not_found: nothing there", { where: { actor: "elsewhere", task: 7 } });
    await failing(error);
    expect(error.where).toMatchObject({ actor: "elsewhere", task: 7, story: [{}, {}, { message: "go" }, {}] });
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ where: { story: [{}, {}, { message: "go" }, {}] } });
  });

  it.each([["text", "just text"], ["a frozen error", Object.freeze(new Error("frozen"))], ["a plain object", { code: 7 }]])("is left as it is where it cannot be written on (%s), and system.story tells", async (_what, error) => {
    const { lab, ref } = await failing(error);
    expect(lab.system.story(ref).at(-1)).toMatchObject({ what: "retired", reason: expect.stringMatching(/^error: /) as string });
  });

  it("keeps the story of the actor that broke first, where others break of it", async () => {
    const lab = new Lab();
    const error = new Error("kid broke") as Placed;
    const kid: ChildSpec = { id: "kid", run: (self: Self<string>) => self.receive(() => { throw error; }) };
    const top = await lab.supervise({ children: [{ id: "a", restart: "temporary", run: async (self: Self<never>) => (await self.spawn(kid)).tell("go") }] });
    await lab.ports.settle();
    expect(top.count().specs).toBe(0);
    expect(error.where.actor).toBe("lab/top/a/kid");
  });

  it("that repeats over restarts does not grow by those before it", async () => {
    const errors: Placed[] = [];
    const { lab, ref } = await one({ run: (self: Self<string>) => self.receive(() => { const error = new Error("again") as Placed; errors.push(error); throw error; }) });
    for (let n = 0; n < 4; n++) ref.tell("go");
    await lab.ports.settle();
    expect(errors).toHaveLength(4);
    expect(errors[3]?.where.story.map(({ reason }) => reason).filter((reason) => reason !== undefined)).toEqual(Array(4).fill("error: Error: again"));
  });
});

describe("an ask that is not answered in time", () => {
  it("names the message that is being handled, and tells the story", async () => {
    const { lab, ref } = await one({ run: (self: Self) => self.receive(() => new Promise<void>(() => undefined)) });
    ref.tell({ type: "endless" });
    const error = await lab.settled(ref.ask({ type: "count" }, { timeout: 100 }).catch((cause: unknown) => cause as AskTimeout));
    expect(error).toMatchObject({ name: "AskTimeout", message: expect.stringContaining('handling "endless"') as string, evidence: { handling: "endless", since: 0, waiting: 1 }, where: { actor: "lab/top/a" } });
    expect(words((error as AskTimeout).where.story as readonly StoryEntry[]).at(-1)).toBe("0 #1 message endless");
  });
});
