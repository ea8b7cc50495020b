import { acted, effectsOf, field, isOf, type Entry, type Finding, type Invariant } from "./invariant.js";

/** What a consumer says to its producer, as far as it is looked at here. */
interface Statement {
  readonly session: number;
  readonly received: number;
  readonly upTo: number;
}

const consumerKey = (id: number | string): string => `work-consumer/${id}`;
const statementsOf = (entry: Parameters<typeof effectsOf>[0]): readonly Statement[] => effectsOf(entry, "producer.send").map(({ message }) => message as Statement);

/** S26. */
export class WithinCredit implements Invariant {
  readonly name = "S26";
  readonly sentence = "nobody is sent more than it has asked for";
  private readonly asked = new Map<string, Statement>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "work-consumer") || !acted(entry)) return undefined;
    const key = `${entry.id}#${entry.incarnation}`;
    const asked = this.asked.get(key);
    const finding = entry.message.type === "job.deliver" && asked !== undefined && asked.session === field(entry, "session") && (field(entry, "seq") as number) > asked.upTo
      ? { detail: `consumer ${entry.id} had asked for deliveries up to ${asked.upTo}, and was sent number ${String(field(entry, "seq"))}`, involved: [consumerKey(entry.id)] }
      : undefined;
    // Statements may overtake each other on the way: what was ever asked for stands.
    for (const one of statementsOf(entry)) this.asked.set(key, asked?.session === one.session ? { ...one, upTo: Math.max(one.upTo, asked.upTo) } : one);
    return finding;
  }
}

/** S27. */
export class NoGapSkipped implements Invariant {
  readonly name = "S27";
  readonly sentence = "deliveries are taken in their order, and no gap among them is passed over";
  private readonly seen = new Map<string, { session: unknown; upTo: number; readonly beyond: Set<number> }>();

  see(entry: Entry): Finding | undefined {
    if (!isOf(entry, "work-consumer") || !acted(entry)) return undefined;
    const key = `${entry.id}#${entry.incarnation}`;
    if (entry.message.type === "job.deliver") this.take(key, field(entry, "session"), field(entry, "seq") as number);
    const seen = this.seen.get(key);
    for (const { session, received } of statementsOf(entry)) {
      if (seen === undefined || seen.session !== session || received <= seen.upTo) continue;
      return { detail: `consumer ${entry.id} said that it has received all up to ${received}, and number ${seen.upTo + 1} never came`, involved: [consumerKey(entry.id)] };
    }
    return undefined;
  }

  private take(key: string, session: unknown, seq: number): void {
    let seen = this.seen.get(key);
    if (seen?.session !== session) this.seen.set(key, (seen = { session, upTo: 0, beyond: new Set() }));
    if (seen === undefined) return;
    seen.beyond.add(seq);
    while (seen.beyond.delete(seen.upTo + 1)) seen.upTo++;
  }
}
