// What a user of the demo does: log in, read, write, watch a live stream, log out in one tab, and
// see in the other one that it is over.
import { equal, logIn, run } from "./chromium.mjs";

const { GATEWAY, ANALYTICS, CRUD, SCREENSHOTS } = process.env;

const shown = (page, selector) => page.locator(selector);
const waitForText = (page, selector, text) =>
  page.waitForFunction(([where, what]) => document.querySelector(where)?.textContent.includes(what), [selector, text]);

async function shoot(page, name) {
  if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
}

/** Presses a button, and tells status and audience as the page shows them. */
async function call(page, button, answer) {
  const before = page.waitForResponse((response) => response.url().includes("/api/v1/"));
  await page.click(button);
  await before;
  await page.waitForSelector(`${answer} .status`);
  return [await shown(page, `${answer} .status`).textContent(), await page.locator(`${answer} .audience code`).allTextContents()];
}

await run(async (browser) => {
  const context = await browser.newContext({ viewport: { width: 1180, height: 900 } });
  const streams = [];
  context.on("response", (response) => {
    if (response.url().includes("/auth/events") && response.status() === 200) streams.push(response.url());
  });
  const problems = [];
  const watch = (page) => page.on("pageerror", (error) => problems.push(error.message));

  const page = await context.newPage();
  watch(page);
  await page.goto(`${GATEWAY}/`);
  await waitForText(page, "#session-state", "You are not logged in.");
  await shoot(page, "1-logged-out");
  equal(await page.locator("#login").getAttribute("href"), "/auth/login?return_to=/", "the login link");
  await logIn(page, GATEWAY, "alice", "wonderland");
  await waitForText(page, "#session-state", "You are logged in.");
  await waitForText(page, "#user", "Alice Liddell");

  equal(await call(page, "[data-answer=analytics-answer]", "#analytics-answer"), ["200", [ANALYTICS]], "a read from analytics");
  equal(await call(page, "button[data-answer=crud-answer]", "#crud-answer"), ["200", [CRUD]], "a read from crud");
  await page.fill("#name", "a pot of tea");
  await page.click("#new-item button");
  await waitForText(page, "#crud-answer .status", "201");
  await call(page, "button[data-answer=crud-answer]", "#crud-answer");
  await waitForText(page, "#crud-answer pre", "a pot of tea");
  await shoot(page, "2-answers");
  const kept = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);
  equal(kept, ["", 0, 0], "what scripts can read of the session");

  const other = await context.newPage();
  watch(other);
  await other.goto(`${GATEWAY}/`);
  await waitForText(other, "#session-state", "You are logged in.");
  await other.click("#live");
  await waitForText(other, "#live-state", "events, the last at");
  await shoot(other, "3-live");
  // The same stream once more, which no script of the page ends.
  await other.evaluate(() => {
    globalThis.unwatched = new EventSource("/api/v1/analytics/stream?events=100000&interval_ms=1000");
    return new Promise((resolve) => (globalThis.unwatched.onmessage = resolve));
  });
  equal(streams.length, 1, "streams of session events for two tabs");

  await page.bringToFront();
  const told = waitForText(other, "#notice", "You have been logged out.");
  const began = performance.now();
  await page.click("#logout");
  await told;
  console.log(`the other tab knew after ${Math.round(performance.now() - began)} ms`);
  await waitForText(other, "#live-state", "ended");
  await other.waitForFunction(() => globalThis.unwatched.readyState === EventSource.CLOSED);
  await waitForText(other, "#session-state", "You are not logged in.");
  await other.locator("#login").waitFor({ state: "visible" });
  await shoot(other, "4-logged-out-elsewhere");
  await waitForText(page, "#session-state", "You are not logged in.");
  equal(new URL(page.url()).pathname, "/", "where the logout leads");
  const replay = await other.evaluate(() => fetch("/api/v1/crud/items").then((response) => response.status));
  equal(replay, 401, "a read after the logout");

  // The next login of this browser is told of its end as well, whatever tab had the stream before.
  await logIn(page, GATEWAY, "bob", "builder");
  await waitForText(page, "#session-state", "You are logged in.");
  for (let looks = 0; streams.length < 2 && looks < 200; looks += 1) await page.waitForTimeout(50);
  equal(streams.length, 2, "streams for two sessions");
  const again = waitForText(page, "#notice", "You have been logged out.");
  const status = await other.evaluate(async () => {
    const { csrf_token } = await (await fetch("/auth/csrf")).json();
    const headers = { "X-CSRF-Token": csrf_token };
    return (await fetch("/auth/logout", { method: "POST", headers })).status;
  });
  equal(status, 200, "a logout by script");
  await again;

  await page.setViewportSize({ width: 400, height: 800 });
  await shoot(page, "5-narrow");
  equal(problems, [], "errors of the page's scripts");
});
