// The upload page: files come in by dialogue or by drop, each gets a row, a few go at a time.

import { get, post } from "./api.js";
import { look } from "./look.js";
import { Gate } from "./patience.js";
import { Row } from "./row.js";
import { Store } from "./store.js";
import { REFUSED, Transfer } from "./transfer.js";
import { fileSize } from "./words.js";

const FILES_AT_ONCE = 3;

const root = document.getElementById("upload");
const zone = document.getElementById("drop-zone");
const input = document.getElementById("file");
const rows = document.getElementById("transfers");
const notices = document.getElementById("unfinished");
const live = document.getElementById("upload-live");
const store = new Store(root.dataset.user);
const fileGate = new Gate(FILES_AT_ONCE);
const transfers = new Set();

let reference = null;

/** What can be seen of a file before it is sent. A look that fails holds nothing up: intake looks again. */
async function inspect(file) {
  reference ??= await get("/annotate/reference").catch(() => null);
  return look(file, reference).catch((error) => {
    console.error(error);
    return { facts: [], notes: [], refusal: "" };
  });
}

function speak(words) {
  live.textContent = words;
}

function start(transfer) {
  const row = new Row(transfer, document.getElementById("transfer-row"), {
    speak,
    again() {
      transfers.delete(transfer);
      const fresh = start(new Transfer(transfer.file, store, inspect));
      row.element.replaceWith(fresh.element);
      fresh.element.querySelector(".buttons > :not([hidden])")?.focus();
    },
    dismiss() {
      row.element.remove();
      input.focus();
    },
  });
  transfers.add(transfer);
  transfer.addEventListener("change", () => {
    for (const notice of notices.children) if (notice.dataset.print === transfer.print) notice.remove();
  });
  // A file that is held up makes room; when it goes on it need not queue again.
  fileGate.through(() => Promise.race([transfer.run().then(() => leave(transfer)), heldUp(transfer)]));
  return row;
}

/** Resolves when the transfer waits for its user. */
function heldUp(transfer) {
  return new Promise((resolve) => {
    transfer.addEventListener("change", () => {
      if (["paused", "held"].includes(transfer.state)) resolve();
    });
  });
}

/** One file alone: straight to its page. Of several, each row has a link. */
function leave(transfer) {
  const others = [...transfers].filter((other) => other !== transfer && (other.unfinished || other.state === "done"));
  if (transfer.state === "done" && others.length === 0) location.assign(transfer.location);
}

function take(files) {
  for (const file of files) rows.append(start(new Transfer(file, store, inspect)).element);
}

function showUnfinished() {
  const template = document.getElementById("unfinished-row");
  for (const [print, record] of store.all()) {
    const line = template.content.firstElementChild.cloneNode(true);
    const percent = Math.floor((100 * record.sent) / record.size);
    line.querySelector('[data-part="name"]').textContent = record.name;
    line.querySelector('[data-part="progress"]').textContent = `${percent} % of ${fileSize(record.size)}`;
    const discard = line.querySelector('[data-part="discard"]');
    discard.setAttribute("aria-label", `Discard ${record.name}`);
    discard.addEventListener("click", () => {
      post("/annotate/uploads/abort", { ticket: record.ticket }).catch(() => {});
      store.remove(print);
      line.remove();
      input.focus();
    });
    line.dataset.print = print;
    notices.append(line);
  }
}

function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

function watchDrops() {
  let inside = 0;
  const mark = (change) => {
    inside = Math.max(0, inside + change);
    zone.classList.toggle("drop-zone-over", inside > 0);
  };
  // On the whole window: a file dropped beside the zone would otherwise replace the page.
  addEventListener("dragenter", (event) => carriesFiles(event) && mark(1));
  addEventListener("dragleave", (event) => carriesFiles(event) && mark(-1));
  addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    inside = 0;
    mark(0);
    take(event.dataTransfer.files);
  });
}

input.multiple = true;
function takeChosen() {
  take([...input.files]);
  input.value = "";
}

input.addEventListener("change", takeChosen);
zone.addEventListener("submit", (event) => event.preventDefault());
addEventListener("beforeunload", (event) => {
  if ([...transfers].some((transfer) => transfer.unfinished && transfer.code !== REFUSED)) event.preventDefault();
});
watchDrops();
showUnfinished();
// Chosen before this script was here.
takeChosen();
root.dataset.ready = "true";
