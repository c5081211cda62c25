// What a VCF or BCF says of itself at its beginning.

const BCF_MAGIC = [0x42, 0x43, 0x46, 0x02];
// BCF2 specification, section 6: magic, then the header's length in four bytes, then the header.
const BCF_TEXT = 9;

/**
 * Reads the beginning of a file's content. `whole`: there is no more of it.
 *
 * `format` "VCF" or "BCF"; `version` such as "4.2", or ""; `samples` a number, null while the #CHROM line was not seen;
 * `contigs` Map of name to length (null where none is given); `stated` what the header says of the reference;
 * `records` [{chrom, pos}] in their order; `headerBytes`, `recordBytes`: how much of the content they take; `spaces` the
 * number of the first record's line, if spaces stand for its tabs; `odd` what it begins with, if that is no header.
 */
export function read(bytes, whole) {
  return BCF_MAGIC.every((byte, at) => bytes[at] === byte) ? readBcf(bytes) : readVcf(bytes, whole);
}

function readVcf(bytes, whole) {
  const text = new TextDecoder("iso-8859-1").decode(bytes).replace(/^\u00ef\u00bb\u00bf/, "");
  const lines = text.split("\n");
  // The last line is cut off somewhere, or empty.
  if (!whole || lines.at(-1) === "") lines.pop();
  const body = lines.findIndex((line) => line.trim() && !line.startsWith("#"));
  const header = body < 0 ? lines : lines.slice(0, body);
  const rest = body < 0 ? [] : lines.slice(body);
  const found = { format: "VCF", ...readHeader(header), records: [], spaces: 0, odd: null };
  // Also of a first line that is longer than what was read.
  if (!text.trimStart().startsWith("#")) found.odd = text.trimStart().slice(0, 80);
  found.headerBytes = sizeOf(header);
  found.recordBytes = sizeOf(rest);
  for (const line of rest) {
    const tab = line.indexOf("\t");
    if (tab > 0) found.records.push({ chrom: line.slice(0, tab), pos: Number.parseInt(line.slice(tab + 1), 10) });
  }
  if (rest.length && !rest[0].includes("\t") && rest[0].trim().split(/\s+/).length >= 8) found.spaces = body + 1;
  return found;
}

function sizeOf(lines) {
  return lines.reduce((size, line) => size + line.length + 1, 0);
}

function readBcf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length >= BCF_TEXT ? view.getUint32(5, true) : 0;
  const text = new TextDecoder("iso-8859-1").decode(bytes.subarray(BCF_TEXT, BCF_TEXT + length));
  const found = { format: "BCF", ...readHeader(text.replace(/\0+$/, "").split("\n")), records: [], spaces: 0, odd: null };
  const names = [...found.contigs.keys()];
  found.headerBytes = BCF_TEXT + length;
  let at = found.headerBytes;
  // A record: the lengths of its two parts, and in the first of them contig and 0-based position.
  while (at + 16 <= bytes.length) {
    const size = 8 + view.getUint32(at, true) + view.getUint32(at + 4, true);
    if (at + size > bytes.length) break;
    found.records.push({ chrom: names[view.getInt32(at + 8, true)] ?? "?", pos: view.getInt32(at + 12, true) + 1 });
    at += size;
  }
  found.recordBytes = at - found.headerBytes;
  return found;
}

function readHeader(lines) {
  const contigs = new Map();
  const stated = [];
  let version = "";
  let samples = null;
  for (const raw of lines) {
    const line = raw.replace(/\r$/, "");
    version ||= /^##fileformat=VCFv(\S+)/.exec(line)?.[1] ?? "";
    if (line.startsWith("##contig=")) {
      const name = /[<,]ID=([^,>]+)/.exec(line)?.[1];
      const length = /[<,]length=(\d{1,15})[,>]/.exec(line)?.[1];
      if (name) contigs.set(name, length ? Number(length) : null);
    }
    const about = /^##(?:reference=|assembly=|contig=<.*\bassembly=)([^,>]*)/i.exec(line)?.[1];
    if (about) stated.push(about);
    if (/^#CHROM/i.test(line)) samples = Math.max(line.split("\t").length - 9, 0);
  }
  return { version, samples, contigs, stated };
}
