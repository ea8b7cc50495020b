import type { CreditStatement, JobOutcome, ToConsumer } from "../../state-machines/work-pulling.js";

/** Stands in the place of a job that its link could not carry: deliveries are numbered without gaps, so something has to come. */
interface Unsendable {
  readonly "caraway.unsendable": string;
}

const words = (cause: unknown): string => (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));

/** Posts; a job that cannot be carried is told of in its place. */
export function postToConsumer(post: (message: ToConsumer) => void, message: ToConsumer): void {
  try {
    post(message);
  } catch (cause) {
    if (message.type === "job.deliver") post({ ...message, job: { "caraway.unsendable": words(cause) } satisfies Unsendable });
  }
}

/** Posts; an answer that cannot be carried becomes an error that says so. */
export function postToProducer(post: (message: CreditStatement) => void, message: CreditStatement): void {
  try {
    post(message);
  } catch {
    post({ ...message, done: message.done.map((one) => ({ ...one, outcome: carried(one.outcome) })) });
  }
}

function carried(outcome: JobOutcome): JobOutcome {
  try {
    structuredClone(outcome);
    return outcome;
  } catch (cause) {
    return { error: new Error(`the ${"error" in outcome ? "error" : "answer"} of a job cannot be carried to its producer: ${words(cause)}`) };
  }
}

/** Why a job could not be carried here; undefined for all others. */
export function faultOf(job: unknown): Error | undefined {
  if (typeof job !== "object" || job === null || !("caraway.unsendable" in job)) return undefined;
  return new Error(`the job cannot be carried to a consumer: ${String(job["caraway.unsendable"])}`);
}
