// The same calm load for long: tokens end and are renewed meanwhile (with the demo's five minutes,
// a DURATION of 15m sees two renewals of each), and no request notices.
import { check } from 'k6';
import { logInMany, read, write } from './gateway.js';

export const options = {
  setupTimeout: '2m',
  scenarios: {
    soak: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 100),
      timeUnit: '1s',
      duration: __ENV.DURATION || '30s',
      preAllocatedVUs: 20,
      maxVUs: 100,
    },
  },
  thresholds: {
    checks: ['rate==1'],
    'http_req_duration{name:read}': [`p(99)<${__ENV.LATENCY || 500}`],
    dropped_iterations: ['count==0'],
  },
};

export function setup() {
  return logInMany(Number(__ENV.SESSIONS || 100));
}

export default function (sessions) {
  const session = sessions[__ITER % sessions.length];
  if (__ITER % 20 === 0) {
    check(write(session, 'soak'), { 'something is written': (answer) => answer.status === 200 });
  } else {
    check(read(session), { 'an item is read': (answer) => answer.status === 200 });
  }
}
