// The first bytes of a file, uncompressed.

const HEAD_BYTES = 65_536;
// A gzip file may promise a thousand times what it holds.
const MOST_BYTES = 4_000_000;
// SAM/BAM specification, section 4.1: a BGZF block says its size in an extra field, and an empty one ends the file.
const BGZF_HEADER = 18;
const BGZF_EOF = "1f8b08040000000000ff0600424302001b0003000000000000000000";

export function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The beginning of a file: `bytes` as they are once uncompressed, `kind` "plain", "gzip" or "bgzip", `taken` how many
 * bytes of the file on disk they come from, `whole` whether that is all of it, `unfinished` whether a bgzip file lacks
 * its end.
 */
export async function unpack(file) {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (head[0] !== 0x1f || head[1] !== 0x8b) {
    return { kind: "plain", bytes: head, taken: head.length, whole: head.length === file.size };
  }
  if (!blockSize(head, 0)) {
    const bytes = await inflate(head);
    return { kind: "gzip", bytes, taken: head.length, whole: head.length === file.size && bytes.length < MOST_BYTES };
  }
  const pieces = [];
  let taken = 0;
  for (let size = blockSize(head, 0); size && taken + size <= head.length; size = blockSize(head, taken)) {
    pieces.push(await inflate(head.subarray(taken, taken + size)));
    taken += size;
  }
  const end = new Uint8Array(await file.slice(-BGZF_EOF.length / 2).arrayBuffer());
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return { kind: "bgzip", bytes, taken, whole: taken === file.size, unfinished: hex(end) !== BGZF_EOF };
}

function blockSize(bytes, at) {
  const marked = hex(bytes.subarray(at, at + 4)) === "1f8b0804" && hex(bytes.subarray(at + 12, at + 16)) === "42430200";
  return marked && bytes.length >= at + BGZF_HEADER ? bytes[at + 16] + 256 * bytes[at + 17] + 1 : 0;
}

/** What can be had of compressed bytes, which may end in the middle. */
async function inflate(bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const pieces = [];
  let size = 0;
  try {
    while (size < MOST_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      size += value.length;
    }
    reader.cancel().catch(() => {});
  } catch {
    // The end was cut off, or is not gzip any more: what came before it counts.
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
