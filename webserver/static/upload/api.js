// Requests to our own server, and how it says no.

/** What the server answered instead of what was asked for: a problem document (RFC 9457). */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || `The service answered with status ${status}.`);
    this.status = status;
    this.code = document.code || "";
  }
}

/** No answer at all: the network is down, or something on the way blocks it. */
export class ConnectionLost extends Error {}

/** POST an object as JSON; returns the decoded answer. Throws Problem, ConnectionLost, or the signal's reason. */
export function post(path, body, signal) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body), signal });
}

/** GET what the server says as JSON. Throws Problem or ConnectionLost. */
export function get(path) {
  return ask(path, { headers: { Accept: "application/json" } });
}

async function ask(path, request) {
  const answer = await fetch(path, request).catch((error) => {
    throw error instanceof TypeError ? new ConnectionLost() : error;
  });
  const document = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, document);
  return document;
}
