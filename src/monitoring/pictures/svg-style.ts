export function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** Fill and border of each tag's colour on light and on dark pages. */
const palette = [
  { light: ["#eff6ff", "#3b82f6"], dark: ["#172a46", "#60a5fa"] },
  { light: ["#ecfdf5", "#10a37a"], dark: ["#12312a", "#34d399"] },
  { light: ["#f5f3ff", "#8b5cf6"], dark: ["#2a2145", "#a78bfa"] },
  { light: ["#fffbeb", "#d97706"], dark: ["#382a10", "#fbbf24"] },
  { light: ["#fdf2f8", "#db2777"], dark: ["#3b1730", "#f472b6"] },
  { light: ["#f0fdfa", "#0d9488"], dark: ["#0f2f2d", "#2dd4bf"] },
] as const;

export const paletteSize = palette.length;

interface Tones {
  readonly ended: string;
  readonly page: string;
  readonly box: string;
  readonly border: string;
  readonly text: string;
  readonly soft: string;
  readonly line: string;
}

const light: Tones = { ended: "#e9eef5", page: "#ffffff", box: "#f8fafc", border: "#94a3b8", text: "#0f172a", soft: "#64748b", line: "#64748b" };
const dark: Tones = { ended: "#262e3b", page: "#0d1117", box: "#1b2230", border: "#64748b", text: "#e6edf3", soft: "#8b98a9", line: "#8b98a9" };

function tones({ ended, page, box, border, text, soft, line }: Tones, mode: "light" | "dark"): string {
  const colours = palette.map((colour, index) => {
    const [fill, stroke] = colour[mode];
    return `.c${index}{fill:${fill};stroke:${stroke}}`;
  });
  return [
    `.ended{fill:${ended};stroke:${soft}}.page,.back{fill:${page}}.plain{fill:${box};stroke:${border}}`,
    ...colours,
    `.title,.name,.event{fill:${text}}.about,.effect,.from,.ignored{fill:${soft}}`,
    `.start,.arrow{fill:${line}}.line{stroke:${line}}`,
  ].join("");
}

export const style = `<style>
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:11px}
.title,.name,.about{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.title{font-size:20px;font-weight:700}.name{font-size:14px;font-weight:600}.about{font-size:12px}.from{font-style:italic}
.state,.compound{stroke-width:1.5}.compound{fill-opacity:.45}.inner,.rule{fill:none;stroke-width:1}.rule{stroke-opacity:.4}
.line{fill:none;stroke-width:1.3}.back{fill-opacity:.86}
${tones(light, "light")}
@media (prefers-color-scheme:dark){${tones(dark, "dark")}}
</style>`;
