// The genome view: igv.js over the result's VCF in storage and the bundle's reference on the server.

import igv from "/static/vendor/igv.esm.min.js";
import { renewing } from "/static/genome/addresses.js";
import { chosen, genes, reference, variants } from "/static/genome/tracks.js";

const UNFORESEEN = "The genome view could not be drawn. Reload the page; the table has the same variants.";
const LOST = "There is no connection to the server. Reload the page when there is one.";

// Of what igv.js knows about a variant: said otherwise, or too long.
const LEFT_OUT = new Set(["CSQ", "Loc"]);
const MOST_LINES = 25;
// Its controls that have no name a screen reader could say.
const NAMES = { select: "Contig", ".igv-search-input": "Place, such as chr1:1,000-2,000", "[type=range]": "Zoom" };
// A window, in pixels, beside whose narrow picture there is no room for more.
const NARROW = 700;
// igv.js's own elements, which the page's stylesheets do not reach.
const INSIDE = `
  .igv-container { color: #1c2428; color-scheme: only light; }
  :focus-visible { outline: 3px solid #0e5f66 !important; outline-offset: 1px; }
  @media (max-width: ${NARROW}px) {
    .igv-logo, .igv-current-genome { display: none; }
    .igv-navbar { height: auto; flex-wrap: wrap; }
    .igv-search-container { width: 9.5rem !important; }
  }`;

const root = document.getElementById("genome");
const view = JSON.parse(root.dataset.view);
const here = root.dataset.here;
const job = here.slice(0, here.lastIndexOf("/"));
const says = document.getElementById("genome-says");
const table = document.getElementById("in-table");

function say(sentence) {
  says.hidden = !sentence;
  says.querySelector("p").textContent = sentence;
}

/** What the server has under a path of this page. Says on the page why it could not be had. */
async function get(path) {
  const answer = await fetch(`${here}/${path}`, { headers: { Accept: "application/json" } }).catch(() => null);
  const found = answer ? await answer.json().catch(() => ({})) : {};
  if (answer?.ok) return found;
  const sentence = answer ? found.detail || UNFORESEEN : LOST;
  say(sentence);
  throw new Error(sentence);
}

/** The explorer's path for a region, 0-based and half-open. */
function inTable(chr, start, end) {
  return `${job}/variants?region=${encodeURIComponent(`${chr}:${Math.floor(start) + 1}-${Math.ceil(end)}`)}`;
}

function element(kind, text, attributes = {}) {
  const made = Object.assign(document.createElement(kind), attributes);
  made.textContent = text;
  return made.outerHTML;
}

/**
 * What a click shows, as HTML. igv.js would set the file's own words as markup, and with them every transcript's whole
 * CSQ entry; that is what the explorer is for.
 */
function described(track, found) {
  const lines = found
    .filter(({ name, value }) => name && !LEFT_OUT.has(name) && value !== "" && value !== ".")
    .slice(0, MOST_LINES)
    .map(({ name, value }) => `<div>${element("span", name)}&nbsp;&nbsp;${element("span", String(value))}</div>`);
  const chr = found.find(({ name }) => name === "Chr");
  const pos = found.find(({ name }) => name === "Pos");
  if (track.type === "variant" && chr && pos) {
    const at = Number(String(pos.value).replace(/\D/g, ""));
    const words = "Consequences, databases, samples";
    lines.push(`<div>${element("a", words, { href: inTable(chr.value, at - 1, at) })}</div>`);
  }
  return lines.join("");
}

document.getElementById("without-script").hidden = true;

async function draw() {
  const browser = await igv.createBrowser(root, {
    loadDefaultGenomes: false,
    reference: reference(here, view),
    locus: view.locus,
    roi: chosen(view),
    showSampleNames: innerWidth > NARROW,
    showSVGButton: false,
    showMultiSelectButton: false,
    showTrackLabelButton: false,
    tracks: [genes(get), variants(renewing(() => get("addresses")))],
  });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(INSIDE);
  root.shadowRoot.adoptedStyleSheets.push(sheet);
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const control of root.shadowRoot.querySelectorAll(selector)) control.setAttribute("aria-label", name);
  }
  browser.on("locuschange", ([frame]) => {
    if (frame) table.href = inTable(frame.chr, frame.start, frame.end);
  });
  browser.on("trackclick", (track, found) => (found?.length ? described(track, found) : undefined));
  return browser;
}

try {
  // For whoever looks at the page from its console; nothing here reads it.
  root.browser = await draw();
  root.dataset.ready = "true";
} catch (error) {
  console.error(error);
  if (says.hidden) say(UNFORESEEN);
}
