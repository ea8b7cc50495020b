import type { CommonConnectionOptions } from "node:tls";

/**
 * TLS 1.3 with a key that both sides had before, and nothing else: a handshake proves to each side that the other holds the key, and what follows is
 * secret even from who gets the key later. No certificate is trusted, so none is ever enough. The suite is the one whose hash fits such keys.
 */
export const secureOnly = {
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ciphers: "TLS_AES_128_GCM_SHA256",
  rejectUnauthorized: true,
} as const satisfies CommonConnectionOptions & { ciphers: string; minVersion: string; maxVersion: string };

/** `host:port` of one end of a socket. */
export const formatAddress = (host: string | undefined, port: number | undefined): string => (host === undefined ? "an unknown address" : host.includes(":") ? `[${host}]:${port ?? "?"}` : `${host}:${port ?? "?"}`);
