import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { BadFrame, VersionMismatch } from "../../errors/index.js";
import type { ControlCodec } from "./control.js";

/** The protocol of links: frames, greeting and farewell. It changes when the two ends could misunderstand each other. */
export const linkProtocol = 2;

/** What each side says of itself before anything else. */
export interface Hello {
  readonly protocol: number;
  /** The version of caraway. */
  readonly caraway: string;
  /** What this side is: `interchange`, `manager`, … */
  readonly kind: string;
  /** Whatever else the other side should know from the beginning; plain data. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Protocol and version are our own unless given. */
export type HelloOptions = Pick<Hello, "kind"> & Partial<Hello>;

let ownVersion: string | undefined;

/** The version in this package's manifest. */
export function packageVersion(): string {
  return (ownVersion ??= (JSON.parse(readFileSync(new URL(import.meta.resolve("caraway/package.json")), "utf8")) as { version: string }).version);
}

export const completeHello = ({ kind, protocol = linkProtocol, caraway = packageVersion(), facts = {} }: HelloOptions): Hello => ({ protocol, caraway, kind, facts });

/** Reads a hello; further keys, of later versions, are left out. Throws `BadFrame`. */
export function readHello(codec: ControlCodec, header: Uint8Array): Hello {
  const value = codec.decode(header);
  if (!isRecord(value)) throw badHello("it is not a record");
  const { protocol, caraway, kind, facts } = value;
  if (!Number.isSafeInteger(protocol) || (protocol as number) < 0) throw badHello("it has no protocol number");
  for (const [key, text] of [["caraway", caraway], ["kind", kind]] as const) if (typeof text !== "string" || !shortText.test(text)) throw badHello(`its ${key} is no short text`);
  if (!isRecord(facts)) throw badHello("its facts are no record");
  return { protocol: protocol as number, caraway: caraway as string, kind: kind as string, facts };
}

/** It goes into messages. */
const shortText = /^[\x20-\x7e]{1,100}$/;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);

const badHello = (what: string): BadFrame => new BadFrame("CW-LINK-003", `The other side's greeting is not valid: ${what}.`, { evidence: { reason: "bad-hello" } });

/** The refusal, where the two cannot work together: it names both. */
export function mismatch(own: Hello, other: Hello, address: string): VersionMismatch | undefined {
  if (own.protocol === other.protocol && own.caraway === other.caraway) return undefined;
  const says = ({ kind, caraway, protocol }: Hello): string => `${kind} has caraway ${caraway} (link protocol ${protocol})`;
  return new VersionMismatch("CW-LINK-002", `The two ends of a link speak different versions: this ${says(own)}, and the ${says(other)} at ${address}.`, {
    where: { host: hostname() },
    evidence: { own: { caraway: own.caraway, protocol: own.protocol, kind: own.kind }, other: { caraway: other.caraway, protocol: other.protocol, kind: other.kind, address } },
    hint: `Install the same version of caraway on both machines: ${own.caraway} or ${other.caraway}.`,
  });
}
