// Addresses of files in storage, which lapse after a minute or so and are asked for again in time.

// The share of an address's life after which it is no longer used: a request on its way must still be let in.
const USED = 0.7;

/**
 * Returns a function of a file's name that makes a function of its present address, as igv.js takes it for a URL.
 * `ask` resolves to {NAME: address, …, seconds}; all files' addresses are asked for together, and once at a time.
 * `now`: milliseconds.
 */
export function renewing(ask, now = Date.now) {
  let asked = null;
  let until = 0;
  function current() {
    if (!asked || now() >= until) {
      const began = now();
      until = Infinity;
      asked = ask().then(
        (answer) => {
          until = began + answer.seconds * 1000 * USED;
          return answer;
        },
        (error) => {
          asked = null;
          throw error;
        },
      );
    }
    return asked;
  }
  return (name) => async () => (await current())[name];
}
