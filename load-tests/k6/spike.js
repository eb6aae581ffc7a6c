// Ten times the load within a second, twice: what comes before and after the spike is as quick as
// without it, and nothing is answered wrongly.
import { check } from 'k6';
import { logInMany, read } from './gateway.js';

const calm = Number(__ENV.RATE || 80);

export const options = {
  setupTimeout: '2m',
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      startRate: calm,
      timeUnit: '1s',
      preAllocatedVUs: 100,
      maxVUs: 400,
      stages: [
        { target: calm, duration: '5s' },
        { target: 10 * calm, duration: '1s' },
        { target: 10 * calm, duration: '4s' },
        { target: calm, duration: '1s' },
        { target: calm, duration: '5s' },
        { target: 10 * calm, duration: '1s' },
        { target: calm, duration: '1s' },
        { target: calm, duration: '5s' },
      ],
    },
  },
  thresholds: { checks: ['rate==1'], 'http_req_duration{name:read}': [`p(95)<${__ENV.LATENCY || 1000}`] },
};

export function setup() {
  return logInMany(Number(__ENV.SESSIONS || 50));
}

export default function (sessions) {
  const session = sessions[Math.floor(Math.random() * sessions.length)];
  check(read(session), { 'an item is read': (answer) => answer.status === 200 });
}
