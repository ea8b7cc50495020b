import { LinkRefused } from "../../errors/index.js";

/** Why an address did not work, from what says most of the other side to what says least. */
const reasons = ["key", "not-proved", "not-caraway", "closed", "no-answer", "unreachable"] as const;

/**
 * `key`: the other side refused our key; `not-proved`: it showed a certificate instead of proving that it holds the key; `not-caraway`: what answers is
 * something else; `closed`: it ended the connection; `no-answer`: it accepted it and said nothing; `unreachable`: there was no connection.
 */
export type RefusedReason = (typeof reasons)[number];

export interface ProbeRefusal {
  readonly address: string;
  readonly reason: RefusedReason;
  /** What it did or said. */
  readonly said: string;
}

const plain: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused the connection (nothing listens there)",
  ENOTFOUND: "has no address (its name is not known)",
  EAI_AGAIN: "has no address at present (the name service did not answer)",
  EHOSTUNREACH: "cannot be reached from here (no route)",
  ENETUNREACH: "cannot be reached from here (no route)",
  ETIMEDOUT: "did not answer",
};

/** What an error of connecting says about the other side. */
export function readRefusal(address: string, error: NodeJS.ErrnoException, connected: boolean): ProbeRefusal {
  // Of a name with several addresses, each has an error of its own.
  const code = error.code ?? (error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException | undefined)?.code : undefined) ?? "";
  if (!connected) return { address, reason: code === "ECONNRESET" ? "closed" : "unreachable", said: plain[code] ?? `could not be connected to (${code === "" ? error.message : code})` };
  if (code === "ECONNRESET" || code === "EPIPE") return { address, reason: "closed", said: "ended the connection before it proved anything" };
  if (/ALERT_(DECRYPT|ILLEGAL|BAD_RECORD|HANDSHAKE|UNKNOWN_PSK|ACCESS)/.test(code)) return { address, reason: "key", said: `refused the key (${code})` };
  if (code.startsWith("ERR_SSL")) return { address, reason: "not-caraway", said: `does not speak as a link of caraway does (${code})` };
  return { address, reason: "not-proved", said: `did not prove that it holds the key (${code === "" ? error.message : code})` };
}

const hints: Readonly<Record<RefusedReason, string>> = {
  key: "The key file is not of this run, or its identity was revoked: start the block again, so that it gets the key of the present run.",
  "not-proved": "Something between the machines answers in the place of the other side, or another program has its port: do not trust that network before it is found.",
  "not-caraway": "Another program has that port: check the address.",
  closed: "It may have too many connections at once, or something between the machines ends them: see what it says on its side.",
  "no-answer": "It may be stopped or overloaded, or a firewall lets connections through and nothing else.",
  unreachable: "Check that the other side still runs, that this machine can reach it at one of these addresses, and that no firewall is between them.",
};

/** The error for a link that could not be made: every address with what it said, and the hint for the one that came farthest. */
export function explain(refusals: readonly ProbeRefusal[], identity: string, timeout: number): LinkRefused {
  const reason = reasons.find((candidate) => refusals.some((refusal) => refusal.reason === candidate)) ?? "unreachable";
  const inTime = reason === "no-answer" ? ` within ${timeout / 1000} s` : "";
  const each = refusals.map(({ address, said }) => `${address} ${said}`).join("; ");
  return new LinkRefused("CW-LINK-001", `No link could be made as ${identity}${inTime}: ${each}.`, {
    evidence: { reason, identity, addresses: refusals, timeout },
    hint: hints[reason],
    retryable: reason === "closed" || reason === "no-answer" || reason === "unreachable",
  });
}
