// A user logs in, reads, writes and logs out; afterwards the session is worth nothing.
import { check } from 'k6';
import { USERS, logIn, logOut, read, write } from './gateway.js';

export const options = {
  scenarios: {
    journeys: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 2),
      timeUnit: '1s',
      duration: __ENV.DURATION || '20s',
      preAllocatedVUs: 20,
      maxVUs: 50,
    },
  },
  thresholds: { checks: ['rate==1'], http_req_duration: [`p(99)<${__ENV.LATENCY || 2000}`], dropped_iterations: ['count==0'] },
};

export default function () {
  const session = logIn(USERS[__VU % USERS.length]);
  check(read(session), { 'an item is read': (answer) => answer.status === 200 });
  check(write(session, 'journey'), { 'something is written': (answer) => answer.status === 200 });
  check(logOut(session), { 'logged out': (answer) => answer.status === 200 });
  check(read(session), { 'the session has ended': (answer) => answer.status === 401 });
}
