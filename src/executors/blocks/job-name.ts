/** A label in the alphabet of job names; different labels stay different. */
const plain = (label: string): string => label.replace(/[^A-Za-z0-9-]/gu, (letter) => (letter === "_" ? "__" : `_${(letter.codePointAt(0) as number).toString(16)}_`));

/** The name of a block's job, unique for all time: `caraway.<label>.<run>.block-<n>`. */
export function jobName(label: string, runId: string, incarnation: number, block: string): string {
  return ["caraway", plain(label), plain(runId), ...(incarnation === 1 ? [] : [String(incarnation)]), block].join(".");
}
