/** The schemas of links. Only ever imported dynamically. */
import { z } from "zod";
import { chosen, duration, fault, isObject, mustBe, notes, oneOf, option, shape, size } from "./schema-fields.js";
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

const replicasWords = "a whole number from 1 to 5";
const jetstream = shape("jetstream", {
  replicas: option(z.int(mustBe(replicasWords)).min(1, mustBe(replicasWords)).max(5, mustBe(replicasWords)), { words: replicasWords, about: "So many servers have each message. With one, a session waits for that server where messages were lost.", default: "3, or as many as `servers` names where that is less" }),
  storage: oneOf(["file", "memory"], { about: "Where the servers keep it.", default: '"file"' }),
  maxAge: duration({ about: "A message is kept no longer; it should be more than `heartbeatThreshold`. What a program that was killed leaves at the servers is gone after it.", default: "twice `heartbeatThreshold`, and 10 s at least" }),
  maxBytes: size({ about: "All messages of the run together have no more bytes: some 4 MiB for each manager and each way where values are large. What has no room is not kept, which is told.", default: '"256MiB"' }),
});
const jetstreamWords = "true, false or an object";
const jetstreamChoice = chosen((value) => (typeof value === "boolean" ? z.unknown() : isObject(value) ? jetstream : fault(`must be ${jetstreamWords}, but is ${show(value)}`)));

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
  jetstream: option(jetstreamChoice, { words: jetstreamWords, about: "Whether the servers keep what is sent until the other side has it, so that a session goes on where messages are lost. They must have JetStream, and let this user use `$JS.API.STREAM.>` and `$JS.API.DIRECT.GET.>`.", default: "false" }),
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
