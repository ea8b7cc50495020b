// Counted words, as `sort | uniq -c` writes them.
import { readFile } from "node:fs/promises";

/** What a worker has read stays with it: the next task that asks for it need not read it again. */
const read = new Map();

/** A count and a word on each line, as a map from words to counts. */
export function readCounts(path) {
  if (!read.has(path)) read.set(path, parse(path));
  return read.get(path);
}

async function parse(path) {
  const counts = new Map();
  for (const line of (await readFile(path, "utf8")).split("\n")) {
    const at = line.lastIndexOf(" ");
    if (at > 0) counts.set(line.slice(at + 1), Number(line.slice(0, at)));
  }
  return counts;
}

/** Words that are in every text and say little about it. */
export const functionWords = new Set(
  `a about above after again against all also always am among an and another any are as at be because been before being below between both but by can cannot could did do does doing done down
  during each either every few for from further had has have having he her here hers herself him himself his how however i if in into is it its itself just let like made make many may me might
  more most much must my myself neither never no nor not now of off on once one only or other ought our ours ourselves out over own per same shall she should since so some still such than that
  the their theirs them themselves then there therefore these they this those through thus to too under until up upon us very was we were what when where whether which while who whom whose why
  will with within without would yet you your yours yourself dont cant wont thats were weve ive lets`.split(/\s+/),
);
