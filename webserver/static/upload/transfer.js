// One file on its way: ticket, parts, job. Survives lost connections, ended sessions and reloads.

import { Problem, post } from "./api.js";
import { PartRefused, assertReadable, putPart } from "./part.js";
import { Gate, backoff, rest } from "./patience.js";
import { fingerprint } from "./store.js";
import { judge } from "./verdict.js";
import { Speed } from "./words.js";

const PARALLEL_PARTS = 4;
const ADDRESSES_AT_ONCE = 16;
// Refusals after which waiting longer will hardly help; a lost connection is tried again for as long as it takes.
const MOST_REFUSALS = 8;
const TELL_EVERY_MS = 200;

// Shared by all files, so that ten files at once do not open forty connections.
const partGate = new Gate(PARALLEL_PARTS);

/** The `code` of a transfer that is held because its file cannot be annotated. */
export const REFUSED = "refused";

class Cancelled extends Error {}
class Paused extends Error {}

/** States that end by themselves or by the user's hand; everything else is done for good. */
export const UNFINISHED = new Set(["queued", "preparing", "uploading", "waiting", "paused", "held", "finishing"]);

/**
 * Fires "change" whenever something worth showing has changed. `state` is one of UNFINISHED, "done", "failed" or
 * "cancelled"; `sentence` says why it waits, is held or has failed; `location` is where the job is when it is done;
 * `print` is the file's fingerprint once it is known; `looked` what could be seen of the file before it was sent.
 */
export class Transfer extends EventTarget {
  state = "queued";
  sentence = "";
  code = "";
  location = "";
  print = "";
  looked = { facts: [], notes: [], refusal: "" };
  continuedAt = 0;
  speed = new Speed();

  #store;
  #look;
  #ticket = "";
  #partSize = 0;
  #partCount = 0;
  #pending = [];
  #whole = new Set();
  #moving = new Map();
  #addresses = new Map();
  #asking = null;
  #cancel = new AbortController();
  #break = new AbortController();
  #go = null;
  #told = 0;
  #later = 0;

  /** `look` resolves to what can be seen of a file (look.js). */
  constructor(file, store, look) {
    super();
    this.file = file;
    this.#store = store;
    this.#look = look;
  }

  get sent() {
    let bytes = this.#stored();
    for (const moving of this.#moving.values()) bytes += moving;
    return bytes;
  }

  get unfinished() {
    return UNFINISHED.has(this.state);
  }

  /** Carry the file through; never throws. */
  async run() {
    try {
      if (this.#cancel.signal.aborted) throw new Cancelled();
      this.#be("preparing");
      await this.#prepare();
      await this.#sendAll();
      this.#be("finishing");
      await this.#finish();
      this.#store.remove(this.print);
      this.#be("done");
    } catch (error) {
      this.#cancel.abort(new Cancelled());
      if (!(error instanceof Cancelled)) this.#fail(error);
    }
  }

  pause() {
    if (!["preparing", "uploading", "waiting"].includes(this.state)) return;
    this.#hold("paused", "");
  }

  resume() {
    if (this.state !== "paused" && this.state !== "held") return;
    this.#break = new AbortController();
    this.speed.forget();
    this.#be("uploading");
    this.#go?.();
    this.#go = null;
  }

  /** Give the file up; what is stored of it is deleted. */
  cancel() {
    if (!this.unfinished) return;
    this.#be("cancelled");
    this.#cancel.abort(new Cancelled());
    if (!this.print) return;
    this.#store.remove(this.print);
    if (this.#ticket) post("/annotate/uploads/abort", { ticket: this.#ticket }).catch(() => {});
  }

  async #prepare() {
    await assertReadable(this.file);
    this.print = await fingerprint(this.file);
    const record = this.#store.get(this.print);
    this.looked = await this.#look(this.file);
    if (!record && this.looked.refusal) await this.#whetherToSend();
    this.#be("preparing");
    if (record && (await this.#takeUp(record))) return;
    const answer = await this.#ask("/annotate/uploads", { name: this.file.name, size: this.file.size });
    this.#ticket = answer.ticket;
    this.#cut(answer, []);
    for (const [number, address] of Object.entries(answer.addresses)) this.#addresses.set(Number(number), address);
    const { name, size } = this.file;
    this.#store.put(this.print, { ticket: answer.ticket, expires_at: answer.expires_at, name, size, sent: 0 });
  }

  /** What would be refused later is sent only if its user wants that. */
  async #whetherToSend() {
    this.code = REFUSED;
    this.#hold("held", this.looked.refusal);
    await this.#whileHeld();
    this.code = "";
  }

  /** Go on with an upload that this browser began earlier; false when the server no longer knows it. */
  async #takeUp(record) {
    try {
      const answer = await this.#ask("/annotate/uploads/parts", { ticket: record.ticket });
      this.#ticket = record.ticket;
      this.#cut(answer, answer.uploaded);
      this.continuedAt = this.#stored();
      return true;
    } catch (error) {
      if (!(error instanceof Problem) || ![404, 410].includes(error.status)) throw error;
      this.#store.remove(this.print);
      return false;
    }
  }

  #cut(answer, uploaded) {
    this.#partSize = answer.part_size;
    this.#partCount = answer.part_count;
    this.#whole = new Set(uploaded);
    this.#pending = [];
    for (let number = 1; number <= this.#partCount; number += 1) {
      if (!this.#whole.has(number)) this.#pending.push(number);
    }
  }

  async #sendAll() {
    this.#be("uploading");
    const workers = Array.from({ length: PARALLEL_PARTS }, () => this.#work());
    await Promise.all(workers);
  }

  async #work() {
    for (let number = this.#pending.shift(); number !== undefined; number = this.#pending.shift()) {
      await this.#again(() => partGate.through(() => this.#sendPart(number)));
    }
  }

  async #sendPart(number) {
    const signal = AbortSignal.any([this.#cancel.signal, this.#break.signal]);
    signal.throwIfAborted();
    const start = (number - 1) * this.#partSize;
    const slice = this.file.slice(start, start + this.#length(number));
    try {
      const address = await this.#address(number);
      await putPart(address, slice, signal, (bytes) => {
        this.#moving.set(number, bytes);
        if (this.state === "waiting") this.#be("uploading");
        this.#tell();
      });
      this.#moving.delete(number);
      this.#whole.add(number);
      this.#remember();
    } finally {
      this.#moving.delete(number);
      this.#tell();
    }
  }

  /** Where a part goes. Each address is used once: after a failure a fresh one is asked for. */
  async #address(number) {
    while (!this.#addresses.has(number)) {
      this.#asking ??= this.#askAddresses(number).finally(() => {
        this.#asking = null;
      });
      await this.#asking;
    }
    const address = this.#addresses.get(number);
    this.#addresses.delete(number);
    return address;
  }

  async #askAddresses(number) {
    const next = this.#pending.slice(0, ADDRESSES_AT_ONCE - 1).filter((other) => !this.#addresses.has(other));
    const answer = await post(
      "/annotate/uploads/parts",
      { ticket: this.#ticket, numbers: [number, ...next] },
      this.#cancel.signal,
    );
    for (const [given, address] of Object.entries(answer.addresses)) this.#addresses.set(Number(given), address);
  }

  async #finish() {
    for (let round = 0; ; round += 1) {
      try {
        await this.#ask("/annotate/uploads/complete", { ticket: this.#ticket });
        break;
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== "parts_missing" || round === 3) throw error;
        this.#cut(await this.#ask("/annotate/uploads/parts", { ticket: this.#ticket }), []);
        await this.#sendAll();
        this.#be("finishing");
      }
    }
    const job = await this.#ask("/annotate/job", { ticket: this.#ticket });
    this.location = job.location;
  }

  #ask(path, body) {
    return this.#again(() => post(path, body, AbortSignal.any([this.#cancel.signal, this.#break.signal])));
  }

  /** Do something until it succeeds, is refused for good, or is cancelled. */
  async #again(task) {
    for (let attempt = 0, refusals = 0; ; attempt += 1) {
      await this.#whileHeld();
      try {
        return await task();
      } catch (error) {
        if (this.#cancel.signal.aborted) throw this.#cancel.signal.reason;
        if (error instanceof Paused) continue;
        const verdict = judge(error);
        if (verdict.final) throw error;
        if (!verdict.lost) refusals += 1;
        if (error instanceof PartRefused && error.status === 403) this.#addresses.clear();
        if (verdict.hold || refusals >= MOST_REFUSALS) {
          this.code = error.code || "";
          this.#hold("held", verdict.sentence);
          attempt = refusals = 0;
          continue;
        }
        if (!this.#break.signal.aborted) {
          this.#be(this.state === "finishing" ? "finishing" : "waiting", verdict.sentence);
        }
        await this.#pauseFor(backoff(attempt));
      }
    }
  }

  async #pauseFor(milliseconds) {
    const signal = AbortSignal.any([this.#cancel.signal, this.#break.signal]);
    try {
      await rest(milliseconds, signal);
    } catch (error) {
      if (this.#cancel.signal.aborted) throw error;
    }
  }

  #hold(state, sentence) {
    if (this.#break.signal.aborted) return;
    this.#be(state, sentence);
    this.#break.abort(new Paused());
  }

  async #whileHeld() {
    while (this.#break.signal.aborted) {
      await new Promise((resolve, reject) => {
        const before = this.#go;
        this.#go = () => {
          before?.();
          resolve();
        };
        this.#cancel.signal.addEventListener("abort", () => reject(this.#cancel.signal.reason), { once: true });
      });
    }
  }

  /** Bytes of the parts that storage has whole: what a later visit need not send again. */
  #stored() {
    let bytes = 0;
    for (const number of this.#whole) bytes += this.#length(number);
    return bytes;
  }

  #length(number) {
    return Math.min(this.#partSize, this.file.size - (number - 1) * this.#partSize);
  }

  #remember() {
    const record = this.#store.get(this.print);
    if (record) this.#store.put(this.print, { ...record, sent: this.#stored() });
  }

  #fail(error) {
    const verdict = judge(error);
    if (verdict.forget) this.#store.remove(this.print);
    this.code = error.code || "";
    this.#be("failed", verdict.sentence);
  }

  #be(state, sentence = "") {
    if (this.state === "cancelled") return;
    this.state = state;
    this.sentence = sentence;
    this.dispatchEvent(new Event("change"));
  }

  /** At most every TELL_EVERY_MS, and the last change always: where nothing moves any more, the row still says so. */
  #tell() {
    const now = performance.now();
    const due = this.#told + TELL_EVERY_MS - now;
    if (due > 0) {
      this.#later ||= setTimeout(() => this.#tellAtLast(), due);
      return;
    }
    clearTimeout(this.#later);
    this.#later = 0;
    this.#told = now;
    this.speed.add(this.sent, now);
    this.dispatchEvent(new Event("change"));
  }

  #tellAtLast() {
    this.#later = 0;
    if (this.unfinished) this.#tell();
  }
}
