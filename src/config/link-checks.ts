import type { ConfigProblem } from "./check.js";
import { error, isPlain, warning, type Plain } from "./problems.js";

const ownPlaces = ["address", "workerPort", "portRange"] as const;

/** What is wrong between a link and what stands beside it; looks only at values whose type is right. */
export function linkChecks(executor: Plain, prefix: string): ConfigProblem[] {
  const { link } = executor;
  if (!isPlain(link) || link["kind"] !== "nats") return [];
  const idle = ownPlaces.filter((name) => executor[name] !== undefined).map((name) => warning(`${prefix}${name}`, "has no effect beside `link`: managers connect to its servers"));
  const { credentials } = link;
  return [...idle, ...(isPlain(credentials) ? credentialChecks(credentials, `${prefix}link.credentials`) : []), ...(isPlain(link["tls"]) ? tlsChecks(link["tls"], `${prefix}link.tls`) : []), ...openly(link, `${prefix}link.credentials`)];
}

function credentialChecks(credentials: Plain, path: string): ConfigProblem[] {
  const given = ["user", "token", "credsFile", "nkeyFile"].filter((name) => credentials[name] !== undefined);
  const { user, password } = credentials;
  if (given.length > 1) return [error(path, `has ${given.join(" and ")}; give one of them`)];
  if (password !== undefined && user === undefined) return [error(`${path}.password`, "has no `user` beside it")];
  if (user !== undefined && password === undefined) return [error(`${path}.user`, "has no `password` beside it")];
  return given.length === 0 ? [error(path, "is empty; give `user` with `password`, `token`, `credsFile` or `nkeyFile`, or leave it out")] : [];
}

function tlsChecks({ cert, key }: Plain, path: string): ConfigProblem[] {
  if ((cert === undefined) === (key === undefined)) return [];
  return [error(`${path}.${cert === undefined ? "key" : "cert"}`, `has no \`${cert === undefined ? "cert" : "key"}\` beside it`)];
}

const isNear = (server: unknown): boolean => typeof server === "string" && /^(?:\w+:\/\/)?(?:127\.|localhost\b|\[::1\])/.test(server);
const isSecure = (server: unknown): boolean => typeof server === "string" && server.startsWith("tls://");

/** A password that is sent to a server in the clear; of keys and creds files only signatures are sent. */
function openly({ servers, tls, credentials }: Plain, path: string): ConfigProblem[] {
  if (!isPlain(credentials) || (credentials["password"] ?? credentials["token"]) === undefined || (tls !== undefined && tls !== false)) return [];
  const far = (Array.isArray(servers) ? (servers as unknown[]) : [servers]).filter((server) => !isNear(server) && !isSecure(server));
  return far.length === 0 ? [] : [warning(path, "is sent as it is to servers that need not have TLS; set `tls: true` beside it, or use keys")];
}
