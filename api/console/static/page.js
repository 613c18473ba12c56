// What every page needs: the API, and a way to tell people what happened.

const RETRY_MS = [300, 1000, 3000];

export const $ = (id) => document.getElementById(id);
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";
export const reviewer = meta("reviewer");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? "The server did not answer as expected.");
    Object.assign(this, { status, code: problem.code, errors: problem.errors ?? [] });
  }
}

export async function call(method, path, body, key) {
  const headers = { "X-CSRF-Token": meta("csrf-token"), Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  const options = { method, headers, body: body && JSON.stringify(body), signal: AbortSignal.timeout(20_000) };
  const response = await fetch(path, { ...options, keepalive: Boolean(key) });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer);
  return answer;
}

// The same request again while it may help; the key sees to it that it has its effect once.
export async function persist(method, path, body) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const ms of [...RETRY_MS, null]) {
    try {
      return await call(method, path, body, key);
    } catch (error) {
      const mayHelp = !(error instanceof Refused) || error.status >= 500 || error.status === 429
        || error.code === "idempotency-key-in-flight";
      if (!mayHelp || ms === null) throw error;
      await pause(ms);
    }
  }
}

export function explain(error) {
  if (!(error instanceof Refused)) return "The server cannot be reached.";
  if (error.status === 401) return "Your session has ended. Sign in again: load this page anew.";
  const places = error.errors.map((one) => `${one.pointer.split("/").pop().replaceAll("_", " ")}: ${one.message}`);
  return places.length ? places.join(" ") : error.message;
}

export function say(text) {
  $("live").textContent = text;
}

export function complain(text, id = "trouble") {
  $(id).textContent = text;
  $(id).hidden = !text;
}

export const titleOf = (data) => data.merchant_name ?? data.paraphrase;
export const isTyping = (element) => element.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");
