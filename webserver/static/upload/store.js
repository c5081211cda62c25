// What this browser remembers of unfinished uploads, so that a reload or a restart loses nothing.

const FINGERPRINT_BYTES = 65_536;

/** Tells files apart without reading them whole: name, size, time of change and the beginning's digest. */
export async function fingerprint(file) {
  const start = await file.slice(0, FINGERPRINT_BYTES).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", start));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [file.name, file.size, file.lastModified, hex].join("|");
}

/** Unfinished uploads of one user: {ticket, name, size, sent, expires_at} by fingerprint. */
export class Store {
  constructor(userId) {
    this.name = `gas.uploads.${userId}`;
    this.records = this.#load();
  }

  get(print) {
    return this.records[print];
  }

  all() {
    return Object.entries(this.records);
  }

  put(print, record) {
    this.#change((records) => {
      records[print] = record;
    });
  }

  remove(print) {
    this.#change((records) => {
      delete records[print];
    });
  }

  // Another tab may have written meanwhile: read, change, write in one go.
  #change(edit) {
    this.records = { ...this.records, ...this.#load() };
    edit(this.records);
    try {
      localStorage.setItem(this.name, JSON.stringify(this.records));
    } catch {
      // No room or no permission: the upload goes on, it only cannot be continued after a reload.
    }
  }

  #load() {
    try {
      const all = JSON.parse(localStorage.getItem(this.name) || "{}");
      const now = Date.now() / 1000;
      return Object.fromEntries(Object.entries(all).filter(([, record]) => record.expires_at > now));
    } catch {
      return {};
    }
  }
}
