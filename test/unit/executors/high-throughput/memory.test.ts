import { expect, it } from "vitest";
import { ByteReader, ByteWriter } from "#internal/executors/high-throughput/bytes";

it("binary data that came in a piece of a socket's memory gets memory of its own", () => {
  const writer = new ByteWriter();
  writer.encoded(new Uint8Array([1, 2, 3]));
  writer.encoded({ bytes: new Uint8Array([4]), buffers: [new Uint8Array([5, 6]).buffer] });
  const slab = Buffer.concat([Buffer.from("before"), writer.take(), Buffer.from("after")]);
  const reader = new ByteReader(slab.subarray(6));
  const bytes = reader.encoded() as Uint8Array;
  expect([...bytes, bytes.buffer.byteLength]).toEqual([1, 2, 3, 3]);
  const parts = reader.encoded() as { bytes: Uint8Array; buffers: ArrayBuffer[] };
  expect([...parts.bytes, ...new Uint8Array(parts.buffers[0] as ArrayBuffer)]).toEqual([4, 5, 6]);
});
