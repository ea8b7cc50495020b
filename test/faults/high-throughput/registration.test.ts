import { expect, test } from "vitest";
import { app, type CarawayError } from "#internal/index";
import { type ClusterOptions, freePort, tells, timed, whenSet, withCluster } from "./cluster.js";

const square = app((x: number) => x * x);
const registrationTimeout = 2000;
/** A look at the queue, and what the provider may need to end the job. */
const poll = 200;

interface Mishap {
  readonly what: string;
  /** In place of the manager's command. */
  readonly launcher: (port: number) => string;
  readonly says: readonly (string | RegExp)[];
}

const mishaps: readonly Mishap[] = [
  { what: "an address where nobody is", launcher: (port) => `${whenSet}sed -i 's/127\\.0\\.0\\.1:[0-9]*/127.0.0.1:${port}/' "$setup"\nexec "$@"`, says: ["CW-LINK-001", "127.0.0.1"] },
  { what: "a key that is not the head's", launcher: () => `${whenSet}key=$(sed 's/.*"keyFile":"\\([^"]*\\)".*/\\1/' "$setup")\nmkdir -m 700 "$TMPDIR/keys"\nhead -c 32 /dev/urandom > "$TMPDIR/keys/\${key##*/}"\nchmod 600 "$TMPDIR/keys"/*\nsed -i "s#$key#$TMPDIR/keys/\${key##*/}#" "$setup"\ntrap 'rm -r "$TMPDIR/keys"' EXIT\n"$@"`, says: ["CW-LINK-001", /key/] },
  { what: "a key that others can read", launcher: () => `${whenSet}chmod 644 "$(sed 's/.*"keyFile":"\\([^"]*\\)".*/\\1/' "$setup")"\nexec "$@"`, says: ["CW-LINK-004", "chmod 600"] },
  { what: "a node without Node.js", launcher: () => `shift\nexec /nowhere/bin/node "$@"`, says: ["/nowhere/bin/node", /PATH|not there/] },
  { what: "a setup file that is garbage", launcher: () => `${whenSet}echo '{"label":' > "$setup"\nexec "$@"`, says: ["CW-CONF-001", "setup file"] },
  { what: "a launcher that starts nothing", launcher: () => `echo "nothing to do"`, says: ["nothing to do", /launcher|without starting/] },
  { what: "a job that hangs before its manager starts", launcher: () => `echo "waiting for a licence" >&2\nexec sleep 1000`, says: ["waiting for a licence", "no manager registered within 2000 ms", /firewall/] },
];

test.for(mishaps)("F35: a block with $what never registers, which is told with its output and the likely cause within one poll", async ({ launcher, says }) => {
  const port = await freePort();
  const troubles: CarawayError[] = [];
  const config: ClusterOptions = { registrationTimeout, heartbeatThreshold: 600, lostGrace: 100, launcher: launcher(port), config: { strategy: "none" } };
  // A block that fails at once fails the start; one that takes longer, whatever waits for it.
  const told = withCluster(config, async ({ kernel }) => {
    kernel.events$.subscribe((event) => {
      if (event.type === "executor.trouble") troubles.push(event.error);
    });
    const future = square.on(kernel)(3);
    await timed(`the diagnosis is there (registrationTimeout ${registrationTimeout} ms, poll ${poll} ms)`, registrationTimeout + poll + 6000, async () => expect(future).rejects.toThrow());
    await future;
  });
  const error = await told.then(() => undefined, (reason: unknown) => reason);
  expect(error).toMatchObject({ name: "ScaleOutFailed", code: "CW-BLOCK-002" });
  tells(error, "cluster", "block-1", ...says);
  expect([...troubles, (error as CarawayError).cause].map((one) => (one as CarawayError).code)).toContain("CW-BLOCK-003");
});
