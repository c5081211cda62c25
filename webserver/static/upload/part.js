// One part of a file on its way to storage.

import { ConnectionLost } from "./api.js";

// A connection that moves nothing for this long is taken for dead; browsers alone would wait for minutes.
const STALL_MS = 45_000;

/** Storage answered, and refused. */
export class PartRefused extends Error {
  constructor(status) {
    super(`Storage answered with status ${status}.`);
    this.status = status;
  }
}

/** The file on disk is not what it was when it was chosen, or cannot be read any more. */
export class FileUnreadable extends Error {}

/** PUT a slice of a file to a presigned address; `onProgress` gets the bytes sent so far. */
export async function putPart(address, slice, signal, onProgress) {
  try {
    await send(address, slice, signal, onProgress);
  } catch (error) {
    // A changed file looks like a lost connection to the request that carries it.
    if (error instanceof ConnectionLost) await assertReadable(slice);
    throw error;
  }
}

/** Throws FileUnreadable when the first byte cannot be read. */
export async function assertReadable(slice) {
  try {
    await slice.slice(0, 1).arrayBuffer();
  } catch {
    throw new FileUnreadable();
  }
}

function send(address, slice, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch() does not tell how much of a body has been sent
    let stall = 0;
    const end = (settle, value) => {
      clearTimeout(stall);
      signal.removeEventListener("abort", cut);
      settle(value);
    };
    const alive = () => {
      clearTimeout(stall);
      stall = setTimeout(() => request.abort(), STALL_MS);
    };
    const cut = () => request.abort();
    request.upload.onprogress = (event) => {
      alive();
      onProgress(event.loaded);
    };
    request.onload = () =>
      request.status >= 200 && request.status < 300 ? end(resolve) : end(reject, new PartRefused(request.status));
    request.onerror = () => end(reject, new ConnectionLost());
    request.onabort = () => end(reject, signal.aborted ? signal.reason : new ConnectionLost());
    signal.addEventListener("abort", cut);
    request.open("PUT", address);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    alive();
    request.send(slice);
  });
}
