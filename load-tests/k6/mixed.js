// Reads and writes, nine to one, over many sessions.
import { check } from 'k6';
import { logInMany, read, write } from './gateway.js';

export const options = {
  setupTimeout: '10m',
  scenarios: {
    mixed: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 300),
      timeUnit: '1s',
      duration: __ENV.DURATION || '20s',
      preAllocatedVUs: 50,
      maxVUs: 200,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    'http_req_duration{name:read}': [`p(99)<${__ENV.LATENCY || 500}`],
    'http_req_duration{name:write}': [`p(99)<${__ENV.LATENCY || 500}`],
  },
};

export function setup() {
  return logInMany(Number(__ENV.SESSIONS || 1000));
}

export default function (sessions) {
  const session = sessions[Math.floor(Math.random() * sessions.length)];
  if (Math.random() < 0.1) {
    check(write(session, 'mixed'), { 'something is written': (answer) => answer.status === 200 });
  } else {
    check(read(session), { 'an item is read': (answer) => answer.status === 200 });
  }
}
