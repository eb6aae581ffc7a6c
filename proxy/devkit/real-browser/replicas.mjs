// A page that hangs on one replica is told of a logout at another. Cookies know no ports.
import { equal, logIn, run } from "./chromium.mjs";

const { GATEWAY, REPLICA } = process.env;

await run(async (browser) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await logIn(page, GATEWAY, "alice", "wonderland");
  const other = await context.newPage();
  const listens = other.waitForResponse((response) => response.url() === `${REPLICA}/auth/events`);
  await other.goto(`${REPLICA}/`);
  await other.waitForFunction(() => document.querySelector("#session-state")?.textContent === "You are logged in.");
  equal((await listens).status(), 200, "the other replica's events");
  const told = other.waitForFunction(() => document.querySelector("#notice")?.textContent.includes("You have been logged out."));
  const began = performance.now();
  const status = await page.evaluate(async () => {
    const { csrf_token } = await (await fetch("/auth/csrf")).json();
    const headers = { "X-CSRF-Token": csrf_token };
    return (await fetch("/auth/logout", { method: "POST", headers })).status;
  });
  equal(status, 200, "the logout");
  await told;
  console.log(`the page of the other replica knew after ${Math.round(performance.now() - began)} ms`);
});
