"use strict";

const element = (id) => document.getElementById(id);

/** Shows a sentence at the top, or takes it away. */
function notify(text) {
  element("notice").textContent = text ?? "";
  element("notice").hidden = !text;
}

/** The body of an answer: JSON where it says so, else text. */
async function read(response) {
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  try {
    return /\bjson\b/.test(type) ? JSON.parse(text) : text;
  } catch {
    return text;
  }
}

function moment(value) {
  const date = typeof value === "number" ? new Date(value * 1000) : new Date(value);
  return Number.isNaN(date.getTime()) ? String(value) : date.toLocaleString();
}

function showSession(session) {
  const user = session?.user ?? {};
  const services = (session?.services ?? []).map((service) => service.name ?? service);
  const name = user.name ?? user.preferred_username ?? user.email ?? user.sub ?? "unknown";
  element("account").hidden = false;
  element("login").hidden = Boolean(session);
  element("logout").hidden = !session;
  element("session").hidden = !session;
  element("live").hidden = !session;
  element("session-state").textContent = session ? "You are logged in." : "You are not logged in.";
  element("user").textContent = user.email && user.email !== name ? `${name} (${user.email})` : name;
  element("expiry").textContent = session?.expires_at ? moment(session.expires_at) : "not told";
  element("services").textContent = services.length ? services.join(", ") : "none";
}

async function loadSession() {
  const response = await fetch("/auth/session", { headers: { accept: "application/json" } });
  if (response.status === 200) return showSession(await response.json());
  if (response.status === 401) return showSession(null);
  element("session-state").textContent = `The gateway answered ${response.status} to /auth/session.`;
  element("account").hidden = false;
}

let csrfToken = null;

/** The session's token, which every write carries. It lives as long as the session. */
async function token() {
  if (csrfToken === null) {
    const response = await fetch("/auth/csrf", { headers: { accept: "application/json" } });
    csrfToken = response.status === 200 ? (await response.json()).csrf_token : null;
  }
  return csrfToken;
}

/** A fetch that carries what a write needs; once more with a new token where the old one is stale. */
async function send(path, options) {
  if (options.method === "GET") return fetch(path, options);
  const write = async () => {
    const proof = await token();
    return fetch(path, { ...options, headers: { ...options.headers, ...(proof && { "X-CSRF-Token": proof }) } });
  };
  const response = await write();
  if (response.status !== 403) return response;
  csrfToken = null;
  return write();
}

function showAnswer(target, response, body, milliseconds) {
  const answer = element("answer").content.cloneNode(true);
  const find = (selector) => answer.querySelector(selector);
  const reason = body?.code ?? body?.title ?? body?.error ?? "";
  find(".status").textContent = `${response.status} ${reason}`.trim();
  find(".status").classList.add(response.ok ? "good" : "bad");
  find(".timing").textContent = `in ${milliseconds} ms`;
  for (const audience of [body?.aud ?? []].flat()) {
    const code = document.createElement("code");
    code.textContent = audience;
    find(".audience").append(code, " ");
    find(".seen").hidden = false;
  }
  find("pre").textContent = typeof body === "string" ? body : JSON.stringify(body, null, 2);
  target.replaceChildren(answer);
}

/** Sends what `data-call` of an element says and shows the answer where `data-answer` says. */
async function call(source, content) {
  const [method, path] = source.dataset.call.split(" ");
  const button = source.matches("button") ? source : source.querySelector("button");
  button.disabled = true;
  notify();
  try {
    const headers = { accept: "application/json" };
    if (content) headers["content-type"] = "application/json";
    const started = performance.now();
    const response = await send(path, { method, headers, body: content && JSON.stringify(content) });
    const body = await read(response);
    showAnswer(element(source.dataset.answer), response, body, Math.round(performance.now() - started));
    if (response.status === 401) await loadSession();
  } catch {
    notify("The gateway did not answer.");
  } finally {
    button.disabled = false;
  }
}

async function logOut() {
  notify();
  const response = await send("/auth/logout", { method: "POST", headers: { accept: "application/json" } });
  const body = response.ok ? await read(response) : null;
  if (!response.ok) return notify(`The gateway answered ${response.status} to the logout.`);
  location.assign(body?.logout_url ?? "/");
}

let stream = null;

/** Ends the live stream and says why. */
function stopLive(text) {
  stream?.close();
  stream = null;
  element("live").textContent = "Start live stream";
  element("live-state").textContent = text;
}

/** Server-sent events from a backend, through a session route. */
function startLive() {
  let count = 0;
  stream = new EventSource("/api/v1/analytics/stream?events=100000&interval_ms=1000");
  element("live").textContent = "Stop";
  element("live-state").textContent = "Connecting …";
  stream.addEventListener("message", () => {
    count += 1;
    element("live-state").textContent = `${count} ${count === 1 ? "event" : "events"}, the last at ${new Date().toLocaleTimeString()}`;
  });
  stream.addEventListener("error", () => {
    if (stream?.readyState === EventSource.CLOSED) stopLive("The live stream has ended.");
  });
}

const FAREWELLS = {
  logout: "You have been logged out.",
  expired: "Your session has ended.",
  replaced: "This browser has logged in anew. Reload the page to go on.",
};

/** What /auth/client.js tells: all tabs hear of a logout, wherever it happened. */
addEventListener("session:logout", ({ detail }) => {
  csrfToken = null;
  if (stream) stopLive("The live stream ended with the session.");
  showSession(null);
  notify(FAREWELLS[detail.reason] ?? "Your session is over.");
});
addEventListener("session:expires_soon", ({ detail }) => {
  notify(`Your session ends at ${moment(detail.expires_at)} unless you go on working.`);
});

const guarded = (work) => work().catch(() => notify("The gateway did not answer."));

for (const button of document.querySelectorAll("button[data-call]")) {
  button.addEventListener("click", () => call(button));
}
element("new-item").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  call(form, { name: form.elements.name.value }).then(() => form.reset());
});
element("live").addEventListener("click", () => (stream ? stopLive("Stopped.") : startLive()));
element("logout").addEventListener("click", () => guarded(logOut));
guarded(loadSession);
