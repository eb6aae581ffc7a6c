// A WebSocket of one tab ends with the session that another tab logs out of, and so does a stream of
// events that no script of ours watches.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { equal, logIn, run } from "./chromium.mjs";

const { GATEWAY, UPSTREAM_PORT } = process.env;

// The service: says one word to whoever connects.
const sockets = [];
const server = createServer((_, response) => {
  response.setHeader("content-type", "text/event-stream");
  response.write("data: hello\n\n");
  sockets.push(response.socket);
});
server.on("upgrade", (request, socket) => {
  const key = `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
  const accept = createHash("sha1").update(key).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  socket.write(Buffer.from([0x81, 5, ...Buffer.from("hello")]));
  socket.on("error", () => {});
  sockets.push(socket);
});
await new Promise((resolve) => server.listen(Number(UPSTREAM_PORT), "127.0.0.1", resolve));

await run(async (browser) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await logIn(page, GATEWAY, "alice", "wonderland");
  const other = await context.newPage();
  await other.goto(`${GATEWAY}/`);
  const heard = await other.evaluate(async () => {
    const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/crud/socket`);
    const events = new EventSource("/api/v1/crud/events");
    globalThis.socketEnd = new Promise((resolve) => (socket.onclose = ({ code, wasClean }) => resolve([code, wasClean])));
    globalThis.events = events;
    const first = (source) => new Promise((resolve) => (source.onmessage = ({ data }) => resolve(data)));
    return Promise.all([first(socket), first(events)]);
  });
  equal(heard, ["hello", "hello"], "what the service said to the other tab");
  const status = await page.evaluate(async () => {
    const { csrf_token } = await (await fetch("/auth/csrf")).json();
    const headers = { "X-CSRF-Token": csrf_token };
    return (await fetch("/auth/logout", { method: "POST", headers })).status;
  });
  equal(status, 200, "the logout");
  equal(await other.evaluate(() => globalThis.socketEnd), [4401, true], "how the socket was closed");
  // It connects once more, and is told 401.
  await other.waitForFunction(() => globalThis.events.readyState === EventSource.CLOSED);
});
server.close();
for (const socket of sockets) socket.destroy();
