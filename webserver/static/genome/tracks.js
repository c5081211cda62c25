// What igv.js shows: the bundle's genes, and the variants by the impact of their most severe consequence.

// They are drawn while no more than this many bases are in view.
const GENES_WITHIN = 1_000_000;
const VARIANTS_WITHIN = 250_000;
const IMPACTS = ["HIGH", "MODERATE", "LOW", "MODIFIER"];

const styles = getComputedStyle(document.documentElement);
const colour = (name) => styles.getPropertyValue(`--genome-${name}`).trim();

/** The most severe impact in a record's CSQ entries; that of a record without any is the least. */
function impactOf(csq = "") {
  return IMPACTS.find((impact) => csq.includes(`|${impact}|`)) || "MODIFIER";
}

/** The reference: sequence, its index, and the contigs' other names. `here` is the page's own path. */
export function reference(here, { bundle }) {
  return {
    id: bundle,
    name: bundle,
    fastaURL: `${here}/sequence`,
    indexURL: `${here}/sequence.fai`,
    aliasURL: `${here}/names`,
    // Millions of variants on a line of pixels tell nobody anything; the job's page has that picture.
    wholeGenomeView: false,
  };
}

/** What somebody came to see, as a region that is marked; none without `marked`. */
export function chosen({ marked }) {
  return marked ? [{ name: "Chosen", color: colour("chosen"), features: [marked] }] : [];
}

/** The genes, fetched region by region with `get`. */
export function genes(get) {
  const coding = colour("coding");
  const others = colour("noncoding");
  return {
    name: "Genes",
    type: "annotation",
    order: 1,
    displayMode: "EXPANDED",
    autoHeight: true,
    minHeight: 60,
    maxHeight: 260,
    visibilityWindow: GENES_WITHIN,
    searchable: false,
    removable: false,
    color: (feature) => (feature.biotype === "protein_coding" ? coding : others),
    reader: {
      async readFeatures(chr, start, end) {
        const region = `${chr}:${Math.floor(start) + 1}-${Math.ceil(end)}`;
        return (await get(`genes?region=${encodeURIComponent(region)}`)).genes;
      },
    },
  };
}

/** The annotated VCF. `address` makes the function of a file's address. */
export function variants(address) {
  const colours = Object.fromEntries(IMPACTS.map((impact) => [impact, colour(impact.toLowerCase())]));
  return {
    name: "Variants",
    type: "variant",
    format: "vcf",
    filename: "annotated.vcf.gz",
    order: 2,
    url: address("result"),
    indexURL: address("index"),
    displayMode: "EXPANDED",
    visibilityWindow: VARIANTS_WITHIN,
    autoHeight: true,
    minHeight: 80,
    maxHeight: 420,
    removable: false,
    color: (variant) => colours[impactOf((variant._f || variant).info?.CSQ)],
    hetvarColor: colour("het"),
    homvarColor: colour("hom"),
    homrefColor: colour("ref"),
  };
}
