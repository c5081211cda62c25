// A chosen file judged by its first 64 KiB, before it is sent: what it is, and what will become of it.
//
// What is refused here would be refused after the upload as well; the server's own tables say what that is. Whatever is
// not certain is only said.

import { read } from "./content.js";
import { hex, unpack } from "./unpack.js";

const MARKUP = /^\s*<(!doctype html|html|head|body)/i;
const LISTED = 3;
const compact = new Intl.NumberFormat("en", { notation: "compact", compactDisplay: "long", maximumSignificantDigits: 2 });

/**
 * Looks at a file. `reference` is what GET /annotate/reference answers, null where it could not be had.
 *
 * Returns `facts`: a few words each; `notes`: a sentence each; `refusal`: the sentence for what cannot be annotated, or "".
 */
export async function look(file, reference) {
  const nothing = { facts: [], notes: [], refusal: "" };
  if (!file.size) return nothing;
  const start = await unpack(file);
  const subject = start.kind === "plain" ? "The file" : "The compressed file";
  const strange = foreign(start.bytes, subject, reference?.foreign ?? []);
  if (strange) return { ...nothing, refusal: strange };
  const content = read(start.bytes, start.whole);
  const refusals = [unreadable(content, start), wrongAssembly(content, reference), unknownContigs(content, start, reference)];
  return {
    facts: facts(content, start, file.size, reference),
    notes: notes(content, start, reference),
    refusal: refusals.find(Boolean) ?? "",
  };
}

function foreign(bytes, subject, kinds) {
  const begins = hex(bytes.subarray(0, 16));
  const kind = kinds.find((one) => begins.startsWith(one.begins));
  if (kind) return `${subject} is ${kind.what}; ${kind.advice}.`;
  const text = new TextDecoder("iso-8859-1").decode(bytes.subarray(0, 4096));
  if (MARKUP.test(text)) {
    return `${subject} is an HTML page, perhaps an error page saved by a download; upload the VCF itself.`;
  }
  return "";
}

function unreadable(content, start) {
  if (content.odd !== null) return "The file is not a VCF: it does not begin with header lines such as ##fileformat=VCFv4.2.";
  if (start.unfinished) return "The bgzip file is cut off: its end is missing. Copy or compress it again, whole.";
  if (content.spaces) {
    return `The columns of line ${content.spaces} are separated by spaces; a VCF has tabs. Write it again with tabs.`;
  }
  if (start.whole && content.samples === null) return "The file ends without a #CHROM line; it may be cut off.";
  return "";
}

/** The contigs of the bundle by each of their names; null where they are not known. */
function known(reference) {
  if (!reference?.contigs) return null;
  return new Map(reference.contigs.flatMap((contig) => [contig.name, ...contig.synonyms].map((name) => [name, contig])));
}

function wrongAssembly(content, reference) {
  const contigs = known(reference);
  if (!contigs) return "";
  for (const [name, length] of content.contigs) {
    const contig = contigs.get(name);
    if (!contig || length === null || length === contig.length || length === reference.other_mitochondrion) continue;
    const made = guess(content, reference) ?? "another assembly";
    return (
      `The file was made against ${made}: its ${name} has ${length.toLocaleString("en")} bases, and that of ` +
      `${reference.assembly}, the reference ${reference.bundle} here, has ${contig.length.toLocaleString("en")}.`
    );
  }
  return "";
}

function unknownContigs(content, start, reference) {
  return start.whole ? strangers(content, reference) : "";
}

function strangers(content, reference) {
  const contigs = known(reference);
  const seen = [...new Set(content.records.map((record) => record.chrom))];
  if (!contigs || !seen.length || seen.some((name) => contigs.has(name))) return "";
  const has = reference.contigs.map((contig) => contig.name);
  return `No contig seen in the file (${few(seen)}) is in the reference ${reference.bundle} (${reference.assembly}), which has ${few(has)}.`;
}

function few(names) {
  return names.slice(0, LISTED).join(", ") + (names.length > LISTED ? ", …" : "");
}

/** The assembly that the file's lengths belong to, or that its header names, or null. */
function guess(content, reference) {
  const assemblies = reference?.assemblies ?? [];
  const fits = ({ lengths }) =>
    [...content.contigs].some(([name, length]) => length !== null && lengths[name.replace(/^chr/, "")] === length);
  const byLength = assemblies.filter(fits);
  return byLength.length === 1 ? byLength[0].name : (named(content, assemblies)?.name ?? null);
}

function named(content, assemblies) {
  const found = assemblies.filter(({ called }) =>
    content.stated.some((text) => called.some((name) => text.toLowerCase().includes(name))),
  );
  return found.length === 1 ? found[0] : null;
}

function chrStyle(names) {
  const chromosomes = names.filter((name) => /^(chr)?(\d{1,2}|[XYM]|MT)$/i.test(name));
  if (!chromosomes.length) return null;
  return chromosomes.some((name) => /^chr/i.test(name));
}

/** The number (from 1) of the first record that comes after one that it should precede, or 0. */
function firstOutOfOrder(records) {
  const finished = new Set();
  let before = { chrom: null, pos: 0 };
  for (const [index, record] of records.entries()) {
    if (record.chrom !== before.chrom) {
      if (finished.has(record.chrom)) return index + 1;
      finished.add(record.chrom);
    } else if (record.pos < before.pos) return index + 1;
    before = record;
  }
  return 0;
}

function facts(content, start, size, reference) {
  if (content.odd !== null) return [];
  const found = [[content.format, content.version].filter(Boolean).join(" ")];
  if (content.format === "VCF") found.push({ plain: "not compressed", gzip: "gzip", bgzip: "bgzip" }[start.kind]);
  if (content.samples !== null) found.push(content.samples === 1 ? "1 sample" : `${content.samples || "no"} samples`);
  found.push(guess(content, reference) ?? withBundle(content, reference));
  const names = content.records.map((record) => record.chrom);
  const style = chrStyle([...names, ...content.contigs.keys()]);
  if (style !== null) found.push(style ? "names with chr" : "names without chr");
  if (content.records.length) {
    found.push(firstOutOfOrder(content.records) ? "not sorted" : start.whole ? "sorted" : "sorted as far as seen");
  }
  const count = estimate(content, start, size);
  if (count !== null) found.push(count);
  return found;
}

function withBundle(content, reference) {
  const contigs = known(reference);
  const fits = contigs && [...content.contigs].some(([name, length]) => contigs.get(name)?.length === length);
  if (wrongAssembly(content, reference)) return "another assembly";
  return fits ? reference.assembly : "assembly not stated";
}

function estimate(content, start, size) {
  const { records, headerBytes, recordBytes } = content;
  if (start.whole) return records.length === 1 ? "1 variant" : `${records.length.toLocaleString("en")} variants`;
  if (!records.length) return null;
  // Bytes on disk for each byte of content.
  const density = start.taken / start.bytes.length;
  const count = (size - headerBytes * density) / ((recordBytes / records.length) * density);
  return `about ${compact.format(count)} variants`;
}

function notes(content, start, reference) {
  if (content.odd !== null) return [];
  const found = [];
  if (!content.version) found.push("The file does not say which version of VCF it is; it is read as 4.2.");
  const stated = named(content, reference?.assemblies ?? []);
  const own = reference?.assemblies.find((one) => one.own);
  if (stated && own && stated !== own && !wrongAssembly(content, reference)) {
    found.push(`Its header names ${stated.name}, and the reference here is ${reference.assembly}: see that they belong together.`);
  }
  if (!start.whole) found.push(strangers(content, reference));
  if (start.whole && !content.records.length && content.samples !== null) found.push("The file has a header and no variants.");
  if ([...content.contigs.values()].includes(reference?.other_mitochondrion)) {
    found.push("Its mitochondrion is the one of UCSC's hg19, which no reference here has; such records are set aside.");
  }
  found.push(otherNames(content, reference));
  const late = firstOutOfOrder(content.records);
  if (late) found.push(`Record ${late.toLocaleString("en")} is out of order; the file will be sorted first, which takes longer.`);
  return found.filter(Boolean);
}

function otherNames(content, reference) {
  const contigs = known(reference);
  const seen = [...new Set(content.records.map((record) => record.chrom))].filter((name) => contigs?.has(name));
  const differs = seen.find((name) => contigs.get(name).name !== name);
  if (!differs) return "";
  return `The reference calls ${differs} ${contigs.get(differs).name}; both names are understood.`;
}
