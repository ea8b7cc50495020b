import { crc32 } from "node:zlib";
import type { JobReport } from "./provider.js";

/** What is written down about a job before it is submitted. */
export interface JobIntent {
  readonly name: string;
  readonly executor: string;
  readonly block: string;
  /** The kind of its provider. */
  readonly provider: string;
  /** Milliseconds of the epoch. */
  readonly at: number;
}

export type LedgerRecord =
  | { readonly type: "ledger"; readonly version: 1 }
  | ({ readonly type: "intent" } & JobIntent)
  | { readonly type: "submitted"; readonly name: string; readonly id: string }
  | { readonly type: "ended"; readonly name: string; readonly at: number; readonly report?: JobReport };

/** A stretch of a ledger that cannot be read. */
export interface Damage {
  readonly offset: number;
  readonly length: number;
}

export interface ReadLedger {
  readonly records: readonly LedgerRecord[];
  /** Lines between others that are not what was written. */
  readonly damage: readonly Damage[];
  /** Where the last line begins, if that is torn: everything before it is to be kept; else the length of all. */
  readonly end: number;
}

/** A record as a line: a checksum of what follows it (CRC-32, eight hexadecimal digits), a blank, JSON. */
export function lineOf(record: LedgerRecord): string {
  const text = JSON.stringify(record);
  return `${crc32(text).toString(16).padStart(8, "0")} ${text}\n`;
}

/** What a ledger says. A last line that is not whole was being written when its writer died, and was never acted on. */
export function readLedger(bytes: Buffer): ReadLedger {
  const records: LedgerRecord[] = [];
  const bad: Damage[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const newline = bytes.indexOf(0x0a, offset);
    const next = newline === -1 ? bytes.length : newline + 1;
    const record = newline === -1 ? undefined : recordIn(bytes.subarray(offset, newline));
    if (record === undefined) bad.push({ offset, length: next - offset });
    else records.push(record);
    offset = next;
  }
  const last = bad.at(-1);
  const torn = last !== undefined && last.offset + last.length === bytes.length;
  return { records, damage: torn ? bad.slice(0, -1) : bad, end: torn ? last.offset : bytes.length };
}

function recordIn(line: Buffer): LedgerRecord | undefined {
  const text = line.toString("utf8", 9);
  if (line[8] !== 0x20 || line.toString("latin1", 0, 8) !== crc32(line.subarray(9)).toString(16).padStart(8, "0")) return undefined;
  try {
    const record: unknown = JSON.parse(text);
    return isRecord(record) ? record : undefined;
  } catch {
    return undefined;
  }
}

const fields: Readonly<Record<LedgerRecord["type"], Readonly<Record<string, "string" | "number">>>> = {
  ledger: { version: "number" },
  intent: { name: "string", executor: "string", block: "string", provider: "string", at: "number" },
  submitted: { name: "string", id: "string" },
  ended: { name: "string", at: "number" },
};

function isRecord(value: unknown): value is LedgerRecord {
  if (value === null || typeof value !== "object" || !("type" in value) || typeof value.type !== "string" || !Object.hasOwn(fields, value.type)) return false;
  return Object.entries(fields[value.type as LedgerRecord["type"]]).every(([name, type]) => typeof (value as Record<string, unknown>)[name] === type);
}
