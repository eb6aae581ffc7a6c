// A Chromium without anything of a person's, and checks that say what was wrong.
import { chromium } from "playwright-core";

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A browser with an empty profile. */
export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ARGUMENTS,
  });
}

/** Fails unless both are the same. */
export function equal(found, expected, what) {
  const [one, other] = [JSON.stringify(found), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${what}: ${one}, not ${other}`);
}

/** Logs in at the gateway's login page, by way of the provider's form. */
export async function logIn(page, gateway, user, password) {
  await page.goto(`${gateway}/auth/login?return_to=/`);
  await page.fill("input[name=username]", user);
  await page.fill("input[name=password]", password);
  await page.click("button[type=submit], input[type=submit]");
  await page.waitForURL(`${gateway}/`);
}

/** Runs a story and ends the process with its outcome. */
export async function run(story) {
  const browser = await launch();
  try {
    await story(browser);
  } finally {
    await browser.close();
  }
}
