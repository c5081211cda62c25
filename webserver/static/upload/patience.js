// How long to wait, and who may go at a time.

const LONGEST_MS = 30_000;

/** Milliseconds before try number `attempt` (from 0) is repeated: 1, 2, 4 … 30 s, half of it left to chance. */
export function backoff(attempt, random = Math.random) {
  return Math.min(LONGEST_MS, 1000 * 2 ** attempt) * (0.5 + random() / 2);
}

/** Wait; a network that comes back ends the wait early. Rejects with the signal's reason when it is aborted. */
export function rest(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer);
      removeEventListener("online", wake);
      signal.removeEventListener("abort", stop);
      settle(value);
    };
    const wake = () => end(resolve);
    const stop = () => end(reject, signal.reason);
    const timer = setTimeout(wake, milliseconds);
    addEventListener("online", wake);
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
}

/** Lets a fixed number of tasks run at a time, the others in the order in which they came. */
export class Gate {
  constructor(places) {
    this.free = places;
    this.waiting = [];
  }

  async through(task) {
    if (this.free > 0) this.free -= 1;
    else await new Promise((resolve) => this.waiting.push(resolve));
    try {
      return await task();
    } finally {
      // A place goes straight to the next in line, so that nobody overtakes.
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
