import { ProgressScreen, type ScreenStream } from "./progress-screen.js";

/** The part of a screen that one run has. */
export interface ProgressPanel {
  show(lines: readonly string[]): void;
  /** Prints text, which ends with a line feed, above all panels. */
  print(text: string): void;
  /** Gives the part back; the text stays on the screen. */
  leave(text: string): void;
}

/** Several runs may share a terminal: their panels are below each other, in one block. */
class Panels {
  private readonly screen: ProgressScreen;
  private readonly lines = new Map<object, readonly string[]>();

  constructor(
    private readonly out: ScreenStream,
    others: readonly ScreenStream[],
  ) {
    this.screen = new ProgressScreen(out, others);
  }

  add(): ProgressPanel {
    const key = {};
    this.lines.set(key, []);
    return {
      show: (lines) => {
        this.lines.set(key, lines);
        this.draw();
      },
      print: (text) => this.screen.print(text),
      leave: (text) => {
        this.lines.delete(key);
        this.draw();
        if (text !== "") this.screen.print(text);
        if (this.lines.size > 0) return;
        this.screen.close();
        onStreams.delete(this.out);
      },
    };
  }

  private draw(): void {
    this.screen.show([...this.lines.values()].flat());
  }
}

const onStreams = new WeakMap<ScreenStream, Panels>();

/** A panel of its own on the terminal behind these streams. */
export function openPanel(out: ScreenStream, others: readonly ScreenStream[]): ProgressPanel {
  let panels = onStreams.get(out);
  if (panels === undefined) onStreams.set(out, (panels = new Panels(out, others)));
  return panels.add();
}
