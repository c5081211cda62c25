// Sizes, times and speeds as people say them; decimal units, like the server's.

const UNITS = ["kB", "MB", "GB", "TB"];

export function fileSize(bytes) {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? "" : "s"}`;
  let value = bytes;
  let unit = "";
  for (unit of UNITS) {
    value /= 1000;
    if (value < 999.5) break;
  }
  return `${Number(value.toPrecision(3))} ${unit}`;
}

export function timeLeft(seconds) {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 90) return `${Math.round(seconds)} s left`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min left`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min left`;
}

/** Bytes a second over the last few seconds, from samples of the total so far. */
export class Speed {
  static SPAN_MS = 8000;

  constructor() {
    this.samples = [];
  }

  add(bytes, now) {
    this.samples.push({ bytes, now });
    while (this.samples.length > 2 && now - this.samples[0].now > Speed.SPAN_MS) this.samples.shift();
  }

  forget() {
    this.samples = [];
  }

  /** null while there is too little to tell. */
  get perSecond() {
    if (this.samples.length < 2) return null;
    const [first, last] = [this.samples[0], this.samples.at(-1)];
    const span = (last.now - first.now) / 1000;
    return span >= 0.5 && last.bytes > first.bytes ? (last.bytes - first.bytes) / span : null;
  }
}
