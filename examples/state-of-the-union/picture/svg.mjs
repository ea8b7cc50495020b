// Small makers of SVG and HTML text.

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

export const escape = (text) => String(text).replace(/[&<>"]/g, (character) => escapes[character]);

/** `el("rect", { x: 1 }, …children)`; children are markup, numbers are rounded, and what is undefined is left out. */
export function el(name, attributes = {}, ...children) {
  const written = Object.entries(attributes).filter(([, value]) => value !== undefined).map(([key, value]) => ` ${key}="${escape(typeof value === "number" ? round(value) : value)}"`).join("");
  const inside = children.flat(Infinity).join("");
  return inside === "" && name !== "div" && name !== "span" ? `<${name}${written}/>` : `<${name}${written}>${inside}</${name}>`;
}

export const round = (value) => Math.round(value * 100) / 100;

export const text = (x, y, content, attributes = {}) => el("text", { x, y, ...attributes }, escape(content));

/** A function from values to places. */
export const scale = (from, to, low, high) => (value) => low + ((value - from) / (to - from || 1)) * (high - low);

export const parties = {
  none: { name: "no party", color: "#8d8a83" },
  Federalist: { name: "Federalist", color: "#8e6bb0" },
  "Democratic-Republican": { name: "Democratic-Republican", color: "#2e9e8f" },
  Democratic: { name: "Democratic", color: "#3a74b8" },
  Whig: { name: "Whig", color: "#d79a2b" },
  "Whig & Democratic": { name: "Whig, then none", color: "#b9a44c" },
  "National Union": { name: "National Union", color: "#a0714f" },
  Republican: { name: "Republican", color: "#cf4b3f" },
};

export const partyColor = (party) => parties[party]?.color ?? "#8d8a83";

/** Presidents who share their last name with another, and one of two words. */
const shortNames = {
  "John Quincy Adams": "J. Q. Adams",
  "Martin Van Buren": "Van Buren",
  "Andrew Johnson": "A. Johnson",
  "Theodore Roosevelt": "T. Roosevelt",
  "Franklin D Roosevelt": "F. Roosevelt",
  "Lyndon B Johnson": "L. Johnson",
  "George W Bush": "G. W. Bush",
};

export const lastName = (name) => shortNames[name] ?? name.split(" ").at(-1);

/** Neighbours by the same president, as spans of indices. */
export function presidencies(profiles) {
  const spans = [];
  for (const [i, { name, party }] of profiles.entries()) {
    const last = spans.at(-1);
    if (last?.name === name) last.to = i + 1;
    else spans.push({ name, party, from: i, to: i + 1 });
  }
  return spans;
}
