// What an error means: whether to go on, and the sentence for the user.

import { ConnectionLost, Problem } from "./api.js";
import { FileUnreadable, PartRefused } from "./part.js";

const UNREADABLE = "The file cannot be read: it was changed or moved, or it is a folder. Choose it again.";
const LOST = "No connection. The upload goes on by itself as soon as there is one.";
const GONE = "Storage no longer has what was uploaded of this file. Your own copy is unharmed: start again.";
const SIGNED_OUT = "Your session has ended. Sign in again in another tab, then continue here: nothing is lost.";
const BUSY = "The service does not answer right now. Nothing is lost; it is tried again.";
const UNFORESEEN = "Something unforeseen happened in this page. Reload it and choose the file again.";

/**
 * `final`: trying again is of no use. `hold`: the user must do something first. `lost`: there was no answer at all,
 * so trying again costs nobody anything. `forget`: what the browser remembers of this upload is worth nothing.
 */
export function judge(error) {
  if (error instanceof FileUnreadable) return { final: true, sentence: UNREADABLE };
  if (error instanceof ConnectionLost) return { lost: true, sentence: LOST };
  if (error instanceof PartRefused) {
    if (error.status === 404) return { final: true, forget: true, sentence: GONE };
    return { sentence: `Storage refuses at the moment (status ${error.status}). Nothing is lost; it is tried again.` };
  }
  if (error instanceof Problem) {
    if (error.status === 401) return { hold: true, sentence: SIGNED_OUT };
    if (error.status >= 500 || error.status === 429) return { sentence: BUSY };
    return { final: true, forget: [404, 410, 413].includes(error.status), sentence: error.message };
  }
  console.error(error);
  return { final: true, sentence: UNFORESEEN };
}
