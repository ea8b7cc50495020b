import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";

/** What a message of a session is. */
export const messages = { data: 0, window: 1, end: 2, alive: 3, have: 4 } as const;
export type MessageKind = (typeof messages)[keyof typeof messages];

/** A sealed message is `sequence` (8 bytes, big-endian, from 1, without gaps), then what AES-256-GCM makes of the kind (1 byte) and the body, then its tag (16). The sequence number is the nonce. */
export const sealBytes = 8 + 1 + 16;
const algorithm = "aes-256-gcm";
const tagBytes = 16;

/** Seals what goes one way. */
export class Sealer {
  private next = 1n;

  constructor(private readonly key: KeyObject) {}

  seal(kind: MessageKind, body: readonly Uint8Array[]): Uint8Array {
    const nonce = nonceOf(this.next++);
    const cipher = createCipheriv(algorithm, this.key, nonce, { authTagLength: tagBytes });
    const parts: Uint8Array[] = [nonce.subarray(4), cipher.update(Buffer.of(kind))];
    for (const one of body) parts.push(cipher.update(one));
    cipher.final();
    parts.push(cipher.getAuthTag());
    return Buffer.concat(parts);
  }
}

export interface Opened {
  readonly sequence: bigint;
  readonly kind: number;
  readonly body: Buffer;
}

/** Opens what came one way; undefined where it was not sealed by the other end. */
export class Opener {
  constructor(private readonly key: KeyObject) {}

  open(bytes: Uint8Array): Opened | undefined {
    if (bytes.length < sealBytes) return undefined;
    const sequence = Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64BE();
    const decipher = createDecipheriv(algorithm, this.key, nonceOf(sequence), { authTagLength: tagBytes });
    decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes));
    const plain = decipher.update(bytes.subarray(8, bytes.length - tagBytes));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return { sequence, kind: plain[0] as number, body: plain.subarray(1) };
  }
}

function nonceOf(sequence: bigint): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(sequence, 4);
  return nonce;
}
