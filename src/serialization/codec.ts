/** Values on their way between threads and processes: `encode`, `decode` and what belongs to them. */
export { decode, encode, transferables, type Encoded, type EncodedParts } from "./encoding.js";
export { move } from "./move.js";
export { registerCodec, type Codec } from "./registry.js";
export { decodeThrown, encodeThrown } from "./thrown.js";
