// What igv.js shows: the bundle's genes, and the variants by the impact of their most severe consequence.

// Genes are drawn while no more than this many bases are in view.
const GENES_WITHIN = 1_000_000;
const IMPACTS = { HIGH: "#a5322a", MODERATE: "#c27c00", LOW: "#2b6e3f", MODIFIER: "#7b878c" };
const UNKNOWN = "#7b878c";
const NONCODING = "#7b878c";

/** The most severe impact in a record's CSQ entries; undefined for a record without any. */
export function impactOf(csq = "") {
  return Object.keys(IMPACTS).find((impact) => csq.includes(`|${impact}|`));
}

/** The reference: sequence, its index, and the contigs' other names. `here` is the page's own path. */
export function reference(here, { bundle, assembly }) {
  return {
    id: bundle,
    name: assembly,
    fastaURL: `${here}/sequence`,
    indexURL: `${here}/sequence.fai`,
    aliasURL: `${here}/names`,
    // Thousands of variants on a line of pixels tell nobody anything; the job's page has that picture.
    wholeGenomeView: false,
  };
}

/** The genes, fetched region by region with `get`. */
export function genes(get) {
  return {
    name: "Genes",
    type: "annotation",
    order: 1,
    displayMode: "EXPANDED",
    maxRows: 40,
    height: 150,
    visibilityWindow: GENES_WITHIN,
    searchable: false,
    removable: false,
    color: (feature) => (feature.biotype === "protein_coding" ? "#0e5f66" : NONCODING),
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
  return {
    name: "Variants",
    type: "variant",
    format: "vcf",
    filename: "annotated.vcf.gz",
    order: 2,
    url: address("result"),
    indexURL: address("index"),
    height: 220,
    displayMode: "EXPANDED",
    removable: false,
    color: (variant) => IMPACTS[impactOf(variant.info?.CSQ)] || UNKNOWN,
  };
}
