// One file's line on the page.

import { REFUSED } from "./transfer.js";
import { fileSize, timeLeft } from "./words.js";

const FIXED_WORDS = {
  queued: "Waits for the files before it",
  preparing: "Looking at the file",
  paused: "Paused",
  finishing: "Putting the parts together",
  done: "Uploaded; the annotation has begun",
  cancelled: "Cancelled",
};
// Screen readers hear the progress in quarters; every percent would drown everything else.
const SPOKEN_STEP = 25;

/**
 * Shows a transfer and lets the user steer it. `speak` is told what a screen reader should say; `again` and `dismiss`
 * are called when the user wants a fresh attempt, or the row gone.
 */
export class Row {
  #spoken = "";
  #looked = null;

  constructor(transfer, template, { speak, again, dismiss }) {
    this.transfer = transfer;
    this.element = template.content.firstElementChild.cloneNode(true);
    this.part = (name) => this.element.querySelector(`[data-part="${name}"]`);
    this.speak = speak;
    this.part("name").textContent = transfer.file.name;
    this.part("size").textContent = fileSize(transfer.file.size);
    this.part("bar").setAttribute("aria-label", `Upload of ${transfer.file.name}`);
    for (const [name, act] of Object.entries({
      pause: () => transfer.pause(),
      resume: () => transfer.resume(),
      cancel: () => transfer.cancel(),
      again,
      dismiss,
    })) {
      this.part(name).addEventListener("click", act);
      this.#name(name, this.part(name).textContent.trim());
    }
    transfer.addEventListener("change", () => this.show());
    this.show();
  }

  show() {
    const { state, sentence, sent, file, code, location } = this.transfer;
    const percent = file.size ? Math.floor((100 * sent) / file.size) : 0;
    this.element.dataset.state = state;
    this.part("bar").value = percent;
    this.part("status").textContent = sentence || FIXED_WORDS[state] || this.#progress(percent);
    this.#name("resume", state === "held" && code === REFUSED ? "Upload it all the same" : "Continue");
    this.#look();
    const shown = {
      pause: ["preparing", "uploading", "waiting"].includes(state),
      resume: ["paused", "held"].includes(state),
      cancel: this.transfer.unfinished && state !== "finishing",
      again: state === "failed" && code !== "too_large" && code !== "empty",
      dismiss: ["failed", "cancelled"].includes(state),
      job: state === "done",
      upgrade: state === "failed" && code === "too_large",
      "sign-in": state === "held" && code === "sign_in",
    };
    this.#reveal(shown);
    if (location) this.part("job").href = location;
    this.#say(state, sentence, percent);
  }

  #name(button, words) {
    this.part(button).textContent = words;
    this.part(button).setAttribute("aria-label", `${words}: ${this.transfer.file.name}`);
  }

  #look() {
    if (this.#looked === this.transfer.looked) return;
    this.#looked = this.transfer.looked;
    const { facts, notes } = this.#looked;
    this.part("facts").textContent = facts.join(" · ");
    this.part("notes").replaceChildren(
      ...notes.map((sentence) => Object.assign(document.createElement("li"), { textContent: sentence })),
    );
  }

  #reveal(shown) {
    const focused = document.activeElement;
    for (const [name, visible] of Object.entries(shown)) this.part(name).hidden = !visible;
    // The button that was just pressed goes away; its successor takes the focus, or the keyboard would be lost.
    if (focused.hidden && this.element.contains(focused)) {
      this.element.querySelector(".buttons > :not([hidden])")?.focus();
    }
  }

  #progress(percent) {
    const { sent, file, speed, continuedAt } = this.transfer;
    const words = [`${percent} %, ${fileSize(sent)} of ${fileSize(file.size)}`];
    if (continuedAt) words.push(`continued at ${Math.floor((100 * continuedAt) / file.size)} %`);
    if (speed.perSecond) {
      words.push(`${fileSize(Math.round(speed.perSecond))}/s`, timeLeft((file.size - sent) / speed.perSecond));
    }
    return words.join(" · ");
  }

  #say(state, sentence, percent) {
    const quarter = Math.floor(percent / SPOKEN_STEP) * SPOKEN_STEP;
    const words = sentence || (state === "uploading" ? `${quarter} % uploaded` : FIXED_WORDS[state]);
    if (words === this.#spoken) return;
    this.#spoken = words;
    this.speak(`${this.transfer.file.name}: ${words}`);
  }
}
