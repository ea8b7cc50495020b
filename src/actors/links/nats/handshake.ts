import { createHash, createHmac, createPublicKey, createSecretKey, diffieHellman, generateKeyPairSync, hkdfSync, randomBytes, timingSafeEqual, type KeyObject } from "node:crypto";

/**
 * How two ends that hold one key prove that to each other through servers that nobody trusts, and agree on keys for one session. The one that asks
 * says who it is, and proves it by an HMAC over all that it says; so the other side, which is silent otherwise, need not answer strangers. Its answer proves
 * the same, over both. What seals the session comes, by HKDF (RFC 5869), from the key, from a Diffie-Hellman exchange (X25519, RFC 7748) whose secrets
 * are thrown away, and from all that was said: what was recorded stays closed to who gets the key later, and what is said again opens nothing.
 *
 * hello: `CWN1`, length of the identity (1), identity, session (16), X25519 (32), HMAC (32). answer: `CWN1`, random (32), X25519 (32), HMAC (32).
 */
const mark = Buffer.from("CWN1");
const sessionBytes = 16;
const publicBytes = 32;
const macBytes = 32;
const answerBytes = mark.length + 32 + publicBytes + macBytes;
const longestIdentity = 64;

/** One key for each direction. */
export interface SessionKeys {
  readonly up: KeyObject;
  readonly down: KeyObject;
}

/** A hello as it came; nothing of it is proved yet. */
export interface ReadHello {
  readonly bytes: Uint8Array;
  readonly identity: string;
  readonly session: string;
}

/** What one end asks with. */
export class Opening {
  readonly session: string;
  readonly bytes: Uint8Array;
  private readonly secret: KeyObject;
  readonly #key: Uint8Array;

  constructor(
    identity: string,
    key: Uint8Array,
  ) {
    this.#key = key;
    const session = randomBytes(sessionBytes);
    const { privateKey, publicKey } = generateKeyPairSync("x25519");
    const name = Buffer.from(identity);
    const said = Buffer.concat([mark, Buffer.of(name.length), name, session, rawOf(publicKey)]);
    this.session = session.toString("hex");
    this.secret = privateKey;
    this.bytes = Buffer.concat([said, proof(key, "hello", said)]);
  }

  /** The keys of the session; undefined where what came is not the answer of one who holds the key. */
  accept(answer: Uint8Array): SessionKeys | undefined {
    if (answer.length !== answerBytes || !begins(answer)) return undefined;
    const said = answer.subarray(0, answerBytes - macBytes);
    if (!isProof(this.#key, "answer", [this.bytes, said], answer.subarray(answerBytes - macBytes))) return undefined;
    return agree(this.#key, this.secret, said.subarray(mark.length + 32), [this.bytes, answer]);
  }
}

/** Undefined where it is no hello. */
export function readOpening(bytes: Uint8Array): ReadHello | undefined {
  if (bytes.length <= mark.length || !begins(bytes)) return undefined;
  const length = bytes[mark.length] as number;
  const start = mark.length + 1 + length;
  if (length === 0 || length > longestIdentity || bytes.length !== start + sessionBytes + publicBytes + macBytes) return undefined;
  const identity = Buffer.from(bytes.subarray(mark.length + 1, start)).toString("latin1");
  return { bytes, identity, session: Buffer.from(bytes.subarray(start, start + sessionBytes)).toString("hex") };
}

/** The answer to a hello, and the keys; undefined where the hello does not prove that its sender holds the key. */
export function answerOpening({ bytes }: ReadHello, key: Uint8Array): { readonly answer: Uint8Array; readonly keys: SessionKeys } | undefined {
  const end = bytes.length - macBytes;
  if (!isProof(key, "hello", [bytes.subarray(0, end)], bytes.subarray(end))) return undefined;
  const { privateKey, publicKey } = generateKeyPairSync("x25519");
  const said = Buffer.concat([mark, randomBytes(32), rawOf(publicKey)]);
  const answer = Buffer.concat([said, proof(key, "answer", bytes, said)]);
  return { answer, keys: agree(key, privateKey, bytes.subarray(end - publicBytes, end), [bytes, answer]) };
}

function agree(key: Uint8Array, secret: KeyObject, other: Uint8Array, said: readonly Uint8Array[]): SessionKeys {
  const shared = diffieHellman({ privateKey: secret, publicKey: createPublicKey({ key: { kty: "OKP", crv: "X25519", x: Buffer.from(other).toString("base64url") }, format: "jwk" }) });
  const salt = createHash("sha256");
  for (const one of said) salt.update(one);
  const bytes = new Uint8Array(hkdfSync("sha256", Buffer.concat([shared, key]), salt.digest(), "caraway link over NATS 1", 64));
  return { up: createSecretKey(bytes.subarray(0, 32)), down: createSecretKey(bytes.subarray(32)) };
}

/** Of what is said, with a key that is used for nothing else. */
function proof(key: Uint8Array, what: "hello" | "answer", ...said: readonly Uint8Array[]): Buffer {
  const mac = createHmac("sha256", createHmac("sha256", key).update(`caraway link over NATS 1 ${what}`).digest());
  for (const one of said) mac.update(one);
  return mac.digest();
}

const isProof = (key: Uint8Array, what: "hello" | "answer", said: readonly Uint8Array[], given: Uint8Array): boolean => timingSafeEqual(proof(key, what, ...said), given);
const begins = (bytes: Uint8Array): boolean => mark.equals(bytes.subarray(0, mark.length));
/** The last 32 bytes of its SubjectPublicKeyInfo (RFC 8410). */
const rawOf = (key: KeyObject): Buffer => key.export({ type: "spki", format: "der" }).subarray(-publicBytes);
