import { staysInBox, type Chart, type ChartEdge, type ChartState } from "./chart-model.js";

/** A run of text in one style. */
export interface TextLine {
  readonly text: string;
  readonly style: "event" | "effect" | "ignored" | "from";
}

export interface Label {
  readonly lines: readonly TextLine[];
  readonly width: number;
  readonly height: number;
}

/** The words in a state's box and the room they need. */
export interface StateText {
  readonly name: string;
  readonly lines: readonly TextLine[];
  readonly width: number;
  readonly height: number;
}

/** Sizes in pixels; every text but names is in a fixed-width font, so that its width is known without a browser. */
export const metrics = { letter: 6.65, line: 14, nameLetter: 8.8, nameHeight: 30, inset: 12 } as const;

const longest = 42;

/** What stands on a line between two states: message, guard and effects of each of its transitions. */
export function edgeLabel(edges: readonly ChartEdge[], detour: (edge: ChartEdge) => { from?: string; to?: string }): Label {
  const lines = edges.flatMap((edge) => {
    const { from, to } = detour(edge);
    return [...(from === undefined ? [] : [{ text: `from ${from}:`, style: "from" as const }]), ...transitionLines(edge), ...(to === undefined ? [] : [{ text: `to ${to}`, style: "from" as const }])];
  });
  return { lines, width: widest(lines) + (lines.length === 0 ? 0 : 10), height: lines.length * metrics.line + (lines.length === 0 ? 0 : 6) };
}

/** A state's name, what it does on entry and exit, what it does without leaving, and what it ignores. */
export function stateText(state: ChartState, chart: Chart): StateText {
  const own = chart.edges.filter((edge) => edge.from === state.path && staysInBox(edge));
  const acting = own.filter((edge) => !edge.ignored);
  const ignored = [...new Set(own.filter((edge) => edge.ignored).map(({ event, guard }) => (guard === undefined ? event : `${event} [${guard}]`)))];
  const lines = [
    ...wrap(`entry / ${state.entry.join(", ")}`, state.entry.length === 0 ? [] : ["effect"]),
    ...wrap(`exit / ${state.exit.join(", ")}`, state.exit.length === 0 ? [] : ["effect"]),
    ...acting.flatMap((edge) => [...transitionLines(edge), ...wrap(`→ ${goal(edge)}`, goal(edge) === undefined ? [] : ["from"])]),
    ...wrap(`ignores ${ignored.join(", ")}`, ignored.length === 0 ? [] : ["ignored"]),
  ];
  const width = Math.max(state.name.length * metrics.nameLetter, widest(lines), 48) + 2 * metrics.inset;
  return { name: state.name, lines, width, height: metrics.nameHeight + (lines.length === 0 ? 4 : lines.length * metrics.line + 10) };
}

/** Where inside its own state a transition leads. */
function goal({ from, to }: ChartEdge): string | undefined {
  if (to === undefined) return undefined;
  return to === from ? "itself, entered again" : to.slice(from === "" ? 0 : from.length + 1);
}

function transitionLines({ event, guard, effects }: ChartEdge): TextLine[] {
  const head = [event, guard === undefined ? "" : `[${guard}]`].filter((part) => part !== "").join(" ");
  const whole = effects.length === 0 ? head : `${head} / ${effects.join(", ")}`;
  if (whole.length <= longest && head !== "") return [{ text: whole, style: "event" }];
  return [...wrap(head, head === "" ? [] : ["event"]), ...wrap(`/ ${effects.join(", ")}`, effects.length === 0 ? [] : ["effect"])];
}

/** Text in lines of at most some width, broken between words; none where no style is given. */
function wrap(text: string, [style]: readonly TextLine["style"][]): TextLine[] {
  if (style === undefined) return [];
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= longest) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(lines.length === 0 ? word : `  ${word}`);
  }
  return lines.map((line) => ({ text: line, style }));
}

function widest(lines: readonly TextLine[]): number {
  return Math.max(0, ...lines.map(({ text }) => text.length)) * metrics.letter;
}
