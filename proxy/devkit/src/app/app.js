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

/** The header that an unsafe request needs, where the gateway gives one out. */
async function csrfHeader() {
  const response = await fetch("/auth/csrf", { headers: { accept: "application/json" } });
  if (response.status !== 200) return {};
  const { csrf_token: token } = await response.json();
  return token ? { "X-CSRF-Token": token } : {};
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
    if (method !== "GET") Object.assign(headers, await csrfHeader());
    if (content) headers["content-type"] = "application/json";
    const started = performance.now();
    const response = await fetch(path, { method, headers, body: content && JSON.stringify(content) });
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
  const headers = { accept: "application/json", ...(await csrfHeader()) };
  const response = await fetch("/auth/logout", { method: "POST", headers });
  const body = response.ok ? await read(response) : null;
  if (!response.ok) return notify(`The gateway answered ${response.status} to the logout.`);
  location.assign(body?.logout_url ?? "/");
}

const guarded = (work) => work().catch(() => notify("The gateway did not answer."));

for (const button of document.querySelectorAll("button[data-call]")) {
  button.addEventListener("click", () => call(button));
}
element("new-item").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  call(form, { name: form.elements.name.value }).then(() => form.reset());
});
element("logout").addEventListener("click", () => guarded(logOut));
guarded(loadSession);
