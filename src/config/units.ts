import { ConfigurationError } from "../errors/index.js";

/** A length of time: milliseconds, or text such as `"250ms"`, `"30s"`, `"5m"`, `"1h30m"`, `"2d"`. */
export type Duration = number | string;

/** An amount of memory or disk: bytes, or text such as `"512MiB"` (1024²) or `"1GB"` (1000³). */
export type Size = number | string;

const durationText = /^(?:(\d+(?:\.\d+)?)\s*d)?\s*(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+(?:\.\d+)?)\s*m(?!s))?\s*(?:(\d+(?:\.\d+)?)\s*s)?\s*(?:(\d+(?:\.\d+)?)\s*ms)?$/;
const millisecondsPer = [86_400_000, 3_600_000, 60_000, 1000, 1];

const sizeText = /^(\d+(?:\.\d+)?)\s*(b|[kmgtp]i?b)$/i;
const bytesPer: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, pb: 1e15,
  kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40, pib: 2 ** 50,
};

/** What is wrong with a duration, as the end of a sentence that begins with its name; undefined where nothing is. */
export function durationFault(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? undefined : `must be a number of milliseconds from 0 up, but is ${String(value)}`;
  if (typeof value !== "string") return `must be a duration, a number of milliseconds or text such as "30s" or "1h30m", but is ${kindOf(value)}`;
  if (value.trim() !== "" && durationText.test(value.trim())) return undefined;
  return `is not a duration: ${JSON.stringify(value)} (${durationAdvice(value.trim())})`;
}

/** Milliseconds of a duration; throws a `ConfigurationError` that names `what`. */
export function parseDuration(value: Duration, what: string): number {
  const fault = durationFault(value);
  if (fault !== undefined) throw new ConfigurationError("CW-CONF-001", `${what} ${fault}`, { evidence: { what, value }, hint: 'Write milliseconds as a number, or text such as "250ms", "30s", "5m", "1h30m".' });
  if (typeof value === "number") return value;
  const parts = durationText.exec(value.trim()) ?? [];
  return millisecondsPer.reduce((sum, ms, index) => sum + Number(parts[index + 1] ?? 0) * ms, 0);
}

/** What is wrong with a size, as the end of a sentence that begins with its name; undefined where nothing is. */
export function sizeFault(value: unknown): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? undefined : `must be a whole number of bytes from 0 up, but is ${String(value)}`;
  if (typeof value !== "string") return `must be a size, a number of bytes or text such as "512MiB", but is ${kindOf(value)}`;
  if (sizeText.test(value.trim())) return undefined;
  return `is not a size: ${JSON.stringify(value)} (${sizeAdvice(value.trim())})`;
}

/** Bytes of a size, rounded to a whole number; throws a `ConfigurationError` that names `what`. */
export function parseSize(value: Size, what: string): number {
  const fault = sizeFault(value);
  if (fault !== undefined) throw new ConfigurationError("CW-CONF-001", `${what} ${fault}`, { evidence: { what, value }, hint: 'Write bytes as a number, or text such as "512MiB" or "1GB".' });
  if (typeof value === "number") return value;
  const [, amount, unit] = sizeText.exec(value.trim()) ?? [];
  return Math.round(Number(amount) * (bytesPer[(unit ?? "b").toLowerCase()] ?? 1));
}

function durationAdvice(text: string): string {
  if (/^\d+(\.\d+)?$/.test(text)) return `it has no unit: write "${text}s", "${text}m" or "${text}ms"`;
  const clock = /^(\d+):(\d\d):(\d\d)$/.exec(text);
  if (clock) return `write "${Number(clock[1])}h${Number(clock[2])}m${Number(clock[3])}s"`;
  return 'write it as "250ms", "30s", "5m", "1h30m" or "2d", larger units first';
}

function sizeAdvice(text: string): string {
  if (/^\d+(\.\d+)?$/.test(text)) return `it has no unit: write "${text}MiB" or "${text}B"`;
  const short = /^(\d+(?:\.\d+)?)\s*([kmgtp])$/i.exec(text);
  if (short) return `write "${short[1] ?? ""}${(short[2] ?? "").toUpperCase()}iB" or "${short[1] ?? ""}${(short[2] ?? "").toUpperCase()}B"`;
  return 'write it as "512MiB", "1GB" or "100kB"';
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "an array" : typeof value === "object" ? "an object" : typeof value === "undefined" ? "missing" : `a ${typeof value}`;
}
