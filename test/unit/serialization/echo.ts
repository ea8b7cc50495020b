import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { decode, decodeThrown, encode, transferables, type Encoded } from "#internal/serialization/codec";
import type { ShippedFunction } from "#internal/serialization/function-source";

interface Answer {
  readonly result?: Encoded;
  readonly thrown?: Encoded;
  readonly warnings?: readonly string[];
}

/** A worker thread with nothing but caraway's codec in it. */
export class Echo {
  private readonly worker = new Worker(new URL("./fixtures/echo-worker.mjs", import.meta.url), { execArgv: [] });

  private async ask(message: object, transfer: ArrayBuffer[] = []): Promise<Answer> {
    const answer = once(this.worker, "message");
    this.worker.postMessage(message, transfer);
    return ((await answer) as [Answer])[0];
  }

  /** Runs a shipped function there; rejects with what it throws. */
  async call(shipped: ShippedFunction, ...args: unknown[]): Promise<{ value: unknown; warnings: readonly string[] }> {
    const encoded = args.map((arg, index) => encode(arg, `argument ${index + 1}`));
    const { result, thrown, warnings } = await this.ask({ shipped, args: encoded }, encoded.flatMap(transferables));
    if (thrown !== undefined) throw decodeThrown(thrown);
    return { value: decode(result), warnings: warnings ?? [] };
  }

  /** A value, there and back. */
  async there(value: unknown): Promise<unknown> {
    const arg = encode(value, "the value");
    const { result, thrown } = await this.ask({ args: [arg] }, transferables(arg));
    if (thrown !== undefined) throw decodeThrown(thrown);
    return (decode(result) as unknown[])[0];
  }

  /** An encoded error, decoded, encoded and decoded again. */
  async thrown(encoded: Encoded): Promise<unknown> {
    return decodeThrown((await this.ask({ thrown: encoded })).thrown);
  }

  async end(): Promise<void> {
    await this.worker.terminate();
  }
}
