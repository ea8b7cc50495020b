import { ShellStartFailed } from "../../errors/index.js";

/** What a runner is to do for one command, before it becomes shell code. */
export interface ShellCode {
  readonly bash: string;
  readonly command: string;
  readonly strict: boolean;
  /** Only where it differs from the runner's own. */
  readonly cwd: string | undefined;
  /** Appended to; opened, and truncated where asked, by the host before. */
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
  /** What differs from the runner's environment; `undefined` removes a name. */
  readonly env: ReadonlyMap<string, string | undefined>;
}

/** Linux refuses a single argument of 128 KiB. */
const LONGEST_ARGUMENT = 100_000;

/** The code that turns a runner's subshell into the command, in ASCII, so that its length is the same in every locale. */
export function shellCode(code: ShellCode): string {
  const steps: string[] = [];
  if (code.cwd !== undefined) steps.push(`cd -- ${asciiQuote(code.cwd)} || exit 1`);
  if (code.stdout !== undefined) steps.push(`exec >>${asciiQuote(code.stdout)}`);
  if (code.stderr !== undefined) steps.push(`exec 2>>${asciiQuote(code.stderr)}`);
  const throughEnv: string[] = [];
  for (const [name, value] of code.env) {
    if (!canBeExported(name)) throughEnv.push(value === undefined ? `-u ${asciiQuote(name)}` : asciiQuote(`${name}=${value}`));
    else steps.push(value === undefined ? `unset -v ${name}` : `export ${name}=${asciiQuote(value)}`);
  }
  const options = throughEnv.filter((word) => word.startsWith("-u "));
  const values = throughEnv.filter((word) => !word.startsWith("-u "));
  const prefix = throughEnv.length === 0 ? "exec" : `exec env ${[...options, ...values].join(" ")}`;
  const text = code.strict ? `set -euo pipefail; ${code.command}` : code.command;
  steps.push(invocation(prefix, asciiQuote(code.bash), text));
  return steps.join("; ");
}

function invocation(prefix: string, bash: string, text: string): string {
  if (Buffer.byteLength(text) < LONGEST_ARGUMENT) return `${prefix} ${bash} -c ${asciiQuote(text)}`;
  return `${prefix} ${bash} -c 'eval "exec 9<&-; $(cat <&9)"' 9<<<${asciiQuote(text)}`;
}

/** Quotes text for bash using ASCII only; a character beyond it becomes the escapes of its UTF-8 bytes. */
export function asciiQuote(text: string): string {
  if (text.includes("\0")) {
    throw new ShellStartFailed("CW-APP-014", "A shell command, its directory and its environment cannot contain NUL characters.", { evidence: { text: text.slice(0, 200) } });
  }
  if (/^[\t\n\x20-\x7e]*$/.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const escaped = Array.from(Buffer.from(text), (byte) => (byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c ? `\\x${byte.toString(16).padStart(2, "0")}` : String.fromCharCode(byte)));
  return `$'${escaped.join("")}'`;
}

/** Names that bash itself gives a meaning, keeps read-only or warns about: those are set by `env`, past the runner. */
const OWN_NAMES = /^(?:BASH.*|LC_.*|COMP_.*|LANG|LANGUAGE|SHELLOPTS|POSIXLY_CORRECT|EUID|UID|PPID|GROUPS|FUNCNAME|DIRSTACK|IFS|PWD|OLDPWD|SHLVL|RANDOM|SRANDOM|SECONDS|LINENO|HISTCMD|EPOCHREALTIME|EPOCHSECONDS|OPTIND|OPTARG|OPTERR|PIPESTATUS|REPLY|MAPFILE|COPROC|TMOUT|GLOBIGNORE|_.*)$/;

function canBeExported(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && !OWN_NAMES.test(name);
}

/** What has to change in a runner's environment to make it this process's as it is now, with the additions. */
export function environmentChanges(runner: Readonly<Record<string, string | undefined>>, additions: Readonly<Record<string, string>>): Map<string, string | undefined> {
  const changes = new Map<string, string | undefined>();
  const own = process.env;
  const names = Object.keys(own);
  for (const name of names) if (own[name] !== runner[name]) changes.set(name, own[name]);
  for (const name in runner) if (!(name in additions) && own[name] === undefined) changes.set(name, undefined);
  for (const name in additions) {
    if (additions[name] === runner[name]) changes.delete(name);
    else changes.set(name, additions[name]);
  }
  return changes;
}
