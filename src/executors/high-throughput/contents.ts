import { deserialize, serialize } from "node:v8";
import { decode, decodeThrown, encode, encodeThrown } from "../../serialization/index.js";
import type { AppCode, RunnableApp, WorkNews } from "../executor.js";
import { ByteReader, ByteWriter } from "./bytes.js";

/** What a manager is told of an app once: it trusts its head, whose code it runs. */
export const writeDefinition = ({ key, name, code }: RunnableApp): Uint8Array => serialize({ key, name, code });

export const readDefinition = (bytes: Uint8Array): { readonly key: number; readonly name: string; readonly code: AppCode | undefined } => deserialize(bytes) as { key: number; name: string; code: AppCode | undefined };

const kinds = ["report", "progress", "log", "late-error"] as const;

/** What a task says while it runs. */
export function writeNews(task: number, attempt: number, news: WorkNews): Uint8Array {
  const writer = new ByteWriter(256);
  writer.f64(task);
  writer.u32(attempt);
  writer.u8(kinds.indexOf(news.kind));
  if (news.kind === "report") writer.encoded(encode(news.value, "what a task reported"));
  else if (news.kind === "log") writer.text(news.line);
  else if (news.kind === "late-error") writer.encoded(encodeThrown(news.error, "a late error"));
  else {
    writer.f64(news.fraction);
    writer.encoded(news.note);
  }
  return writer.take();
}

export function readNews(bytes: Uint8Array): { readonly task: number; readonly attempt: number; readonly news: WorkNews } {
  const reader = new ByteReader(bytes);
  const task = reader.f64();
  const attempt = reader.u32();
  return { task, attempt, news: readKind(reader, kinds[reader.u8()]) };
}

/** Whose news they are. Throws a RangeError where that cannot be said. */
export function newsHead(bytes: Uint8Array): { readonly task: number; readonly attempt: number; readonly isLate: boolean } {
  const reader = new ByteReader(bytes);
  return { task: reader.f64(), attempt: reader.u32(), isLate: kinds[reader.u8()] === "late-error" };
}

function readKind(reader: ByteReader, kind: WorkNews["kind"] | undefined): WorkNews {
  switch (kind) {
    case undefined: throw new RangeError("news of a kind that there is not");
    case "report": return { kind, value: decode(reader.encoded()) };
    case "log": return { kind, line: reader.text() };
    case "late-error": return { kind, error: decodeThrown(reader.encoded()) };
    case "progress": {
      const fraction = reader.f64();
      const note = reader.encoded();
      return { kind, fraction, note: typeof note === "string" ? note : undefined };
    }
  }
}
