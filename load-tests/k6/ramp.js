// More and more requests, up to PEAK per second, and down again: no answer may be wrong.
import { check } from 'k6';
import { logInMany, read } from './gateway.js';

const peak = Number(__ENV.PEAK || 600);

export const options = {
  setupTimeout: '2m',
  scenarios: {
    ramp: {
      executor: 'ramping-arrival-rate',
      startRate: Math.ceil(peak / 10),
      timeUnit: '1s',
      preAllocatedVUs: 50,
      maxVUs: 200,
      stages: [
        { target: peak, duration: '15s' },
        { target: peak, duration: '10s' },
        { target: 0, duration: '5s' },
      ],
    },
  },
  thresholds: { checks: ['rate==1'], 'http_req_duration{name:read}': [`p(99)<${__ENV.LATENCY || 1000}`] },
};

export function setup() {
  return logInMany(Number(__ENV.SESSIONS || 50));
}

export default function (sessions) {
  const session = sessions[Math.floor(Math.random() * sessions.length)];
  check(read(session), { 'an item is read': (answer) => answer.status === 200 });
}
