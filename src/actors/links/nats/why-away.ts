import { hostname } from "node:os";
import { ServersUnreachable } from "../../../errors/index.js";

/** What keeps someone from the servers, from what says most to what says least. */
const reasons = ["credentials", "permissions", "tls", "not-nats", "unreachable"] as const;
export type AwayReason = (typeof reasons)[number];

export interface ServerRefusal {
  readonly server: string;
  readonly reason: AwayReason;
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
  ECONNRESET: "ended the connection",
};

/** What an error of connecting to a server says about it. */
export function readAway(server: string, error: unknown): ServerRefusal {
  const { name, message, code: own, cause } = (error ?? {}) as { name?: string; message?: string; code?: string; cause?: { code?: string } };
  const code = own ?? cause?.code ?? "";
  if (name === "AuthorizationError" || name === "UserAuthenticationExpiredError") return { server, reason: "credentials", said: `does not let us in (${message ?? name})` };
  if (/CERT|SSL|TLS|SIGNED|SIGNATURE/.test(code) || /tls|certificate/i.test(message ?? "")) return { server, reason: "tls", said: `has no TLS that can be trusted (${code === "" ? message ?? "" : code})` };
  if (name === "TimeoutError") return { server, reason: "unreachable", said: "did not answer" };
  if (name === "SyntaxError" || /unexpected response|protocol/i.test(message ?? "")) return { server, reason: "not-nats", said: "does not speak as a NATS server does" };
  return { server, reason: "unreachable", said: plain[code] ?? (message === undefined ? "ended the connection" : `could not be connected to (${message})`) };
}

const hints: Readonly<Record<AwayReason, string>> = {
  credentials: "Check the `credentials` of nats(), and what the servers allow that user; expired ones have to be made anew.",
  permissions: "Let the user of head and managers publish and subscribe to all below the `prefix` of nats(); with `jetstream`, also publish to $JS.API.STREAM.> and $JS.API.DIRECT.GET.>.",
  tls: "Check the `tls` of nats(): `ca` names the authority that signed the certificates of the servers, and those must name the hosts in `servers`.",
  "not-nats": "Another program has that port: check `servers`.",
  unreachable: "Check that the servers run, that `servers` of nats() names them as this machine reaches them, and that no firewall is between.",
};

/** For how long it has been so, with each server and what it said. */
export function away(refusals: readonly ServerRefusal[], sinceMs: number, cause?: unknown): ServersUnreachable {
  const reason = reasons.find((candidate) => refusals.some((refusal) => refusal.reason === candidate)) ?? "unreachable";
  const since = new Date(Date.now() - sinceMs).toISOString();
  const each = refusals.map(({ server, said }) => `${server} ${said}`).join("; ");
  return new ServersUnreachable("CW-LINK-006", `No NATS server can be used from here since ${since} (${(sinceMs / 1000).toFixed(1)} s): ${each}.`, {
    where: { host: hostname() },
    evidence: { reason, servers: refusals, since, sinceMs: Math.round(sinceMs) },
    hint: hints[reason],
    retryable: reason === "unreachable",
    ...(cause === undefined ? {} : { cause }),
  });
}
