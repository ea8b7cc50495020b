import { inMemoryLink, type InMemoryLink, type LinkFaults } from "#internal/actors/links/in-memory";
import type { SimulatedPorts } from "#internal/actors/simulated-ports";
import type { CreditStatement, ToConsumer } from "#internal/state-machines/work-pulling";
import { simulate } from "#internal/supervisors/simulation";
import type { ActorSystem } from "#internal/supervisors/system";
import { consumeWork, type WorkConsumer, type WorkConsumerOptions } from "#internal/supervisors/work-pulling/consumer";
import { createWorkProducer, type WorkProducer, type WorkProducerOptions } from "#internal/supervisors/work-pulling/producer";

/** One consumer of a yard, and what it has done. */
export interface Hand {
  readonly credit: number;
  readonly link: InMemoryLink<ToConsumer, CreditStatement>;
  readonly consumer: WorkConsumer;
  /** Tokens, in the order in which their processing began. */
  readonly began: string[];
  readonly processed: string[];
  /** Its end, which its producer learns of where the link does not hide it. */
  die(closing?: boolean): void;
}

/** A producer and consumers on simulated time, over links with faults. */
export class Yard {
  readonly system: ActorSystem;
  readonly ports: SimulatedPorts;
  readonly producer: WorkProducer<number, number>;
  readonly hands: Hand[] = [];
  /** How often each token was settled at the producer. */
  readonly settled = new Map<string, number>();
  /** More was unconfirmed than a consumer had given credit for. */
  readonly excesses: string[] = [];

  constructor(seed: number, options: Omit<WorkProducerOptions, "system"> = {}) {
    ({ system: this.system, ports: this.ports } = simulate(seed, "yard"));
    this.producer = createWorkProducer({ resend: 20, longestResend: 200, ...options, system: this.system });
    this.system.transitions$.subscribe(({ kind, effects }) => {
      if (kind !== "work-producer") return;
      for (const effect of effects as readonly { readonly type: string; readonly token: string }[]) if (effect.type === "job.settle") this.settled.set(effect.token, (this.settled.get(effect.token) ?? 0) + 1);
    });
  }

  /** A consumer whose jobs take `takes` milliseconds of simulated time each. */
  hire({ faults = {}, takes = () => 1, answer = (n: number) => n * 2, ...options }: WorkConsumerOptions & { faults?: LinkFaults; takes?: () => number; answer?: (n: number) => number } = {}): Hand {
    const link = inMemoryLink<ToConsumer, CreditStatement>(this.ports, faults);
    const began: string[] = [];
    const processed: string[] = [];
    const { clock } = this.ports;
    let alive = true;
    const work = (job: unknown, token: string): Promise<number> => {
      began.push(token);
      return new Promise((resolve, reject) => {
        clock.after(takes(), () => {
          if (!alive) return;
          processed.push(token);
          try {
            resolve(answer(job as number));
          } catch (error) {
            reject(error as Error);
          }
        });
      });
    };
    const consumer = consumeWork(link.right, (job, { token }) => work(job, token), { resend: 20, longestResend: 200, ...options, system: this.system });
    const die = (closing = true): void => {
      alive = false;
      consumer.close();
      if (closing) link.left.close();
    };
    const hand: Hand = { credit: options.credit ?? 10, link, consumer, began, processed, die };
    this.hands.push(hand);
    this.producer.attach(link.left);
    this.watchCredit(hand);
    return hand;
  }

  private watchCredit(hand: Hand): void {
    const number = this.hands.length;
    this.system.transitions$.subscribe(() => {
      const { waiting, active } = hand.consumer.counts;
      if (waiting + active > hand.credit) this.excesses.push(`consumer ${number} has ${waiting + active} jobs with a credit of ${hand.credit}`);
    });
  }

  /** The answers to jobs 0 … n−1; what was refused shows its reason. */
  async answers(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
    const all = Promise.all(promises.map((promise) => promise.catch((error: unknown) => (error as { reason?: string }).reason ?? error)));
    await this.ports.settle(1_000_000);
    return all;
  }
}
