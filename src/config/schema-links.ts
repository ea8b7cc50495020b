/** The schemas of links. Only ever imported dynamically. */
import { z } from "zod";
import { chosen, duration, fault, isObject, mustBe, notes, option, shape } from "./schema-fields.js";
import { show } from "./show.js";

const secret = (about: string): z.ZodType => {
  const words = "a text that is not empty";
  // What is wrong with it is told without it.
  return option(z.custom((value) => typeof value === "string" && value !== "", { error: `must be ${words}` }), { words, about });
};
const path = (about: string, fallback?: string): z.ZodType => {
  const words = "the path of a file";
  return option(z.string(mustBe(words)).min(1, mustBe(words)), { words, about, ...(fallback === undefined ? {} : { default: fallback }) });
};

const credentials = shape("credentials", {
  user: secret("The name of a user, with `password`."),
  password: secret("Its password. Rather not in the text of a program: `process.env` has it."),
  token: secret("A token."),
  credsFile: path("A file with a JWT and its seed, as `nsc` writes it. One that others can read is refused."),
  nkeyFile: path("A file with the seed of an nkey. One that others can read is refused."),
});

const tls = shape("tls", {
  ca: path("The authorities whose certificates are trusted, in PEM.", "the system's"),
  cert: path("The certificate that the servers are shown, in PEM."),
  key: path("Its key, in PEM. One that others can read is refused."),
});
const tlsWords = "true, false or an object";
const tlsChoice = chosen((value) => (typeof value === "boolean" ? z.unknown() : isObject(value) ? tls : fault(`must be ${tlsWords}, but is ${show(value)}`)));

const address = /^(?:(?:nats|tls):\/\/)?(?:\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+)(?::(?<port>\d{1,5}))?$/;
const serverWords = "a server as host:port, or several";
function serverFault(value: unknown): string | undefined {
  if (typeof value !== "string" || value === "") return `must be ${serverWords}, but is ${show(value)}`;
  if (value.includes("@")) return "has a user or password in the address of a server, which is shown in messages: give them as `credentials`";
  const port = address.exec(value)?.groups?.["port"];
  return address.test(value) && (port === undefined || (Number(port) > 0 && Number(port) < 65_536)) ? undefined : `must be ${serverWords}, but is ${show(value)}`;
}
const servers = z
  .custom((value) => (Array.isArray(value) ? value.length > 0 && value.every((one) => serverFault(one) === undefined) : serverFault(value) === undefined), {
    error: ({ input }) => (Array.isArray(input) ? (input.map(serverFault).find((one) => one !== undefined) ?? `must be ${serverWords}, but is empty`) : (serverFault(input) ?? "")),
  })
  .register(notes, { words: serverWords, about: "The servers, as head and nodes reach them, with `nats://` or `tls://` before it where that is wanted; of a cluster a few are enough." });

const prefixWords = "words of letters, digits, dashes and underscores with dots between";
const prefix = z.string(mustBe(prefixWords)).regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/, mustBe(prefixWords));

const natsLink = shape("nats", {
  role: z.optional(z.literal("link")),
  kind: z.literal("nats"),
  servers,
  credentials: option(credentials, { words: "an object", about: "What the servers are shown: one of `user` with `password`, `token`, `credsFile`, `nkeyFile`.", default: "none" }),
  tls: option(tlsChoice, { words: tlsWords, about: "Whether only servers with TLS are used, and what is trusted there.", default: "as the servers have it" }),
  prefix: option(prefix, { words: prefixWords, about: "What all subjects begin with; the run follows. The servers must let head and managers publish and subscribe to all below it.", default: '"caraway"' }),
  patience: duration({ about: "How long there may be no server before the executor fails.", default: '"2m"' }),
  jetstream: option(z.custom((value) => value === undefined || value === false, { error: "is not built yet", params: { later: true } }), { words: "not built yet", about: "Whether the servers keep what is sent while the other side is away.", later: true }),
});

/** A link is checked by the schema that its `kind` names. */
export const link = chosen((value) => {
  if (typeof value === "function") return fault(`is ${show(value)} itself: call it, as in nats({ servers })`);
  if (!isObject(value)) return fault(`must be a link such as nats({ servers }), but is ${show(value)}`);
  const { kind, role } = value;
  if (kind === "nats") return natsLink;
  if (typeof role === "string" && role !== "link") return fault(`must be a link, but ${String(kind)}() makes a ${role}`);
  return fault(kind === undefined ? "has no `kind`: make it by nats({ servers })" : `has a kind that does not exist: ${show(kind)}`, { word: kind, choices: ["nats"] });
});
