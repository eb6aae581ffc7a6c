// What a page of another origin tries with a logged in user's browser: on another port of the same
// host, whose requests carry the cookie (the same site), and on another host.
import { createServer } from "node:http";
import { equal, logIn, run } from "./chromium.mjs";

const { GATEWAY } = process.env;
const ITEMS = `${GATEWAY}/api/v1/crud/items`;

const server = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end(`<!doctype html><title>elsewhere</title>
    <a id="link" href="${GATEWAY}/">a link</a>
    <form id="write" method="post" action="${ITEMS}"><input name="name" value="forged"></form>
    <form id="plain" method="post" enctype="text/plain" action="${ITEMS}"><input name='{"name":"forged","x":"' value='"}'></form>
    <form id="logout" method="post" action="${GATEWAY}/auth/logout"></form>`);
});
await new Promise((resolve) => server.listen(0, "0.0.0.0", resolve));
const { port } = server.address();

/** All that scripts can do, and what came of it. */
async function tryScripts(page) {
  return page.evaluate(async ([gateway, items]) => {
    const outcome = (promise) => promise.then(async (response) => `${response.type} ${response.status} ${await response.text()}`, () => "refused");
    const opens = (target) => new Promise((resolve) => {
      target.onopen = () => resolve("open");
      target.onerror = () => resolve("refused");
    });
    const loads = (element, url) => new Promise((resolve) => {
      element.onload = () => resolve("loaded");
      element.onerror = () => resolve("refused");
      element.src = url;
      document.body.append(element);
    });
    const credentials = "include";
    const write = { method: "POST", credentials, body: "{\"name\":\"forged\"}" };
    return {
      read: await outcome(fetch(items, { credentials })),
      blindRead: await outcome(fetch(items, { credentials, mode: "no-cors" })),
      session: await outcome(fetch(`${gateway}/auth/session`, { credentials })),
      token: await outcome(fetch(`${gateway}/auth/csrf`, { credentials })),
      write: await outcome(fetch(items, { ...write, headers: { "content-type": "application/json", "x-csrf-token": "x" } })),
      blindWrite: await outcome(fetch(items, { ...write, mode: "no-cors", headers: { "content-type": "text/plain" } })),
      logout: await outcome(fetch(`${gateway}/auth/logout`, { ...write, mode: "no-cors" })),
      beacon: navigator.sendBeacon(items, "forged") && "sent",
      socket: await opens(new WebSocket(`${gateway.replace("http", "ws")}/api/v1/crud/echo`)),
      events: await opens(new EventSource(`${gateway}/auth/events`, { withCredentials: true })),
      image: await loads(new Image(), items),
      script: await loads(document.createElement("script"), items),
    };
  }, [GATEWAY, ITEMS]);
}

const NOTHING = {
  read: "refused",
  blindRead: "opaque 0 ",
  session: "refused",
  token: "refused",
  write: "refused",
  blindWrite: "opaque 0 ",
  logout: "opaque 0 ",
  beacon: "sent",
  socket: "refused",
  events: "refused",
  image: "refused",
  script: "refused",
};

await run(async (browser) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await logIn(page, GATEWAY, "alice", "wonderland");
  for (const origin of [`http://localhost:${port}`, `http://127.0.0.1:${port}`]) {
    await page.goto(origin);
    equal(await tryScripts(page), NOTHING, `scripts of ${origin}`);
    // Lax leaves the cookie out of a cross-site POST: then there is no session to forge with.
    const codes = ["CSRF_FAILED", "CROSS_SITE_REQUEST"];
    for (const form of ["write", "plain", "logout"]) {
      await page.goto(origin);
      const answered = page.waitForResponse((response) => response.request().method() === "POST");
      await page.evaluate((id) => document.getElementById(id).submit(), form);
      const response = await answered;
      const body = await response.text();
      equal([response.status(), codes.some((code) => body.includes(code))], [403, true], `the form ${form} of ${origin}: ${body}`);
    }
    await page.goto(origin);
    await page.click("#link");
    await page.waitForFunction(() => document.querySelector("#session-state")?.textContent === "You are logged in.");
  }
  // The page of the gateway itself may do all of it.
  const own = await page.evaluate(async (items) => {
    const { csrf_token } = await (await fetch("/auth/csrf")).json();
    const options = { method: "POST", headers: { "x-csrf-token": csrf_token, "content-type": "application/json" } };
    return (await fetch(items, { ...options, body: JSON.stringify({ name: "mine" }) })).status;
  }, ITEMS);
  equal(own, 201, "a write of our own page");
});
server.close();
