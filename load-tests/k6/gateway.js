// What the scripts have in common: where they may go, a login as a browser does it, and requests
// of a page that has logged in.
import http from 'k6/http';
import { fail } from 'k6';

export const TARGET = (__ENV.TARGET || 'http://localhost:8080').replace(/\/$/, '');

// A load test is an attack on whoever did not ask for it.
const HERE = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/;
if (!(HERE.test(TARGET) && /^https?:\/\/[^/]+$/.test(TARGET)) && __ENV.ALLOW_REMOTE !== '1') {
  throw new Error(`${TARGET} is not on this machine; set ALLOW_REMOTE=1 if you may load it`);
}

export const USERS = [
  { username: 'alice', password: 'wonderland' },
  { username: 'bob', password: 'builder' },
];

const PAGE = { Accept: 'application/json', 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' };

// A login loads the provider as well.
function mayGo(url) {
  if (!HERE.test(url) && __ENV.ALLOW_REMOTE !== '1') {
    fail('logins lead to a provider that is not on this machine; set ALLOW_REMOTE=1 if you may load it');
  }
}

// Where a redirect or a form of a page leads.
function resolve(page, to) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(to)) {
    return to;
  }
  if (to.startsWith('//')) {
    return page.replace(/\/\/.*$/, to);
  }
  const origin = page.replace(/^(https?:\/\/[^/?#]+).*$/, '$1');
  return to.startsWith('/') ? origin + to : page;
}

// Follows redirects and looks where each one leads before it goes there.
function follow(first, name) {
  let answer = first;
  for (let steps = 0; steps < 20 && answer.status >= 300 && answer.status < 400; steps += 1) {
    const next = resolve(answer.url, answer.headers.Location || '');
    mayGo(next);
    answer = http.get(next, { redirects: 0, tags: { name } });
  }
  return answer;
}

// Logs a user in by the provider's own form. The session, with the proof for writes.
export function logIn(user) {
  const jar = http.cookieJar();
  jar.clear(TARGET);
  const form = follow(http.get(`${TARGET}/auth/login?return_to=/`, { redirects: 0, tags: { name: 'login' } }), 'login');
  if (form.status !== 200 || form.html('form').size() === 0) {
    fail(`the provider showed no form: ${form.status}`);
  }
  mayGo(resolve(form.url, form.html('form').attr('action') || ''));
  const sent = form.submitForm({ fields: user, params: { redirects: 0, tags: { name: 'callback' } } });
  const back = follow(sent, 'callback');
  const cookies = jar.cookiesForURL(`${TARGET}/`);
  const name = Object.keys(cookies).find((each) => each.endsWith('bff_session'));
  if (back.status !== 200 || !name) {
    fail(`the login as ${user.username} gave no session: ${back.status}`);
  }
  const session = { cookie: `${name}=${cookies[name][0]}` };
  // The scripts say themselves whose cookie goes with a request: one more of the jar is refused.
  jar.clear(TARGET);
  const told = http.get(`${TARGET}/auth/csrf`, { headers: headers(session), redirects: 0, tags: { name: 'csrf' } });
  session.csrf = told.json('csrf_token');
  return session;
}

// So many sessions, no faster than the gateway's own limit on logins lets one address have them.
export function logInMany(count) {
  const sessions = [];
  for (let number = 0; number < count; number += 1) {
    sessions.push(logIn(USERS[number % USERS.length]));
    if (sessions.length % 100 === 0) {
      console.log(`${sessions.length} of ${count} sessions`);
    }
  }
  return sessions;
}

export function headers(session, more = {}) {
  return Object.assign({ Cookie: session.cookie }, PAGE, more);
}

export function read(session) {
  return http.get(`${TARGET}/api/v1/crud/items/1`, { headers: headers(session), redirects: 0, tags: { name: 'read' } });
}

// The demo's list of items is bounded, its echo is not.
export function write(session, name) {
  return http.post(`${TARGET}/api/v1/crud/echo`, JSON.stringify({ name }), {
    headers: headers(session, { 'X-CSRF-Token': session.csrf, 'Content-Type': 'application/json' }),
    redirects: 0, tags: { name: 'write' },
  });
}

export function logOut(session) {
  return http.post(`${TARGET}/auth/logout`, null, {
    headers: headers(session, { 'X-CSRF-Token': session.csrf }),
    redirects: 0, tags: { name: 'logout' },
  });
}
