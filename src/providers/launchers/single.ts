/** One manager, here. */
export function singleLines(line: string): string {
  return `export CARAWAY_NODE_INDEX=0\n${line}\n`;
}
