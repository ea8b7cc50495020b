// What can be measured about one address. Each exported function is an app: see main.mjs.
import { readFile } from "node:fs/promises";

/**
 * Facts about one address. `attempt` and `breaksAt` are for the demonstration: the process of the worker is ended on purpose
 * when they are equal.
 */
export async function profile(address, { breaksAt = 0 } = {}) {
  const { task } = await import("caraway/task");
  if (task.attempt === breaksAt) process.exit(9);

  const { year, name, party, text } = JSON.parse(await readFile(address.path, "utf8"));
  const words = text.match(/[A-Za-z]+(?:['’][A-Za-z]+)*/g) ?? [];
  const sentences = splitSentences(text);
  const syllables = words.reduce((sum, word) => sum + syllablesOf(word), 0);
  const wordsPerSentence = words.length / Math.max(1, sentences.length);
  return {
    id: address.stem,
    year,
    name: name.replace("Mc Kinley", "McKinley"),
    party,
    words: words.length,
    sentences: sentences.length,
    wordsPerSentence,
    // The school grade that the text asks for: Kincaid et al. 1975.
    grade: 0.39 * wordsPerSentence + 11.8 * (syllables / Math.max(1, words.length)) - 15.59,
    variety: variety(words),
    opening: sentences[0]?.slice(0, 200) ?? "",
  };
}

const abbreviations = /\b(?:Mr|Mrs|Ms|Dr|Messrs|Hon|Gen|Col|Capt|Lieut|Sec|St|No|Nos|vs|Jan|Feb|Aug|Sept|Oct|Nov|Dec|U\.S|D\.C|[A-Z])\.$/;

/** Ends of sentences are points before a capital letter, unless they belong to an abbreviation or an initial. */
function splitSentences(text) {
  const sentences = [];
  let open = "";
  for (const piece of text.split(/(?<=[.!?]["”’)]?)\s+(?=["“(]?[A-Z0-9])/)) {
    open = open === "" ? piece : `${open} ${piece}`;
    if (abbreviations.test(open.slice(-8))) continue;
    sentences.push(open);
    open = "";
  }
  if (open.trim() !== "") sentences.push(open);
  return sentences;
}

/** Groups of vowels, less a silent e. */
function syllablesOf(word) {
  const groups = word.toLowerCase().replace(/(?:[^laeiouy]es|ed|[^laeiouy]e)$/, "").match(/[aeiouy]{1,2}/g);
  return Math.max(1, groups?.length ?? 0);
}

/** Different words in a thousand, over windows that do not overlap: does not grow with the length of the text. */
function variety(words) {
  const size = Math.min(1000, words.length);
  const windows = Math.max(1, Math.floor(words.length / size));
  let different = 0;
  for (let i = 0; i < windows; i++) different += new Set(words.slice(i * size, (i + 1) * size).map((word) => word.toLowerCase())).size;
  return (1000 * different) / (windows * size);
}
