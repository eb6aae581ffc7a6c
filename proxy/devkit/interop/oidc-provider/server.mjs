// The OpenID provider that `make interop` tries tokenbridge against: the npm package oidc-provider
// with two APIs, one confidential client, and refresh tokens that are used once.
//
// It is told what it needs by environment variables (below), prints `listening` when it serves, and
// ends when its standard input does.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

import { countEvents } from './counters.mjs';
import { interactions } from './interactions.mjs';

const required = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};
const port = Number(required('PORT'));
const publicUrl = required('PUBLIC_URL');
const clientId = required('CLIENT_ID');
const clientSecret = required('CLIENT_SECRET');
const tokenLife = Number(required('TOKEN_LIFE'));
const issuer = `http://localhost:${port}`;

/** The scopes of each API, by its resource indicator (RFC 8707). */
const apis = {
  'https://analytics.example': 'analytics:read',
  'https://crud.example': 'crud:read crud:write',
};

const users = {
  alice: { password: 'wonderland', name: 'Alice Liddell', email: 'alice@wonderland.example' },
  bob: { password: 'builder', name: 'Bob Builder', email: 'bob@builder.example' },
};

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: [`${publicUrl}/auth/callback`],
      post_logout_redirect_uris: [`${publicUrl}/auth/logged-out`],
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
  // By default only userinfo has what profile and email stand for.
  conformIdTokenClaims: false,
  scopes: ['openid', 'offline_access', 'profile', 'email', ...Object.values(apis).join(' ').split(' ')],
  findAccount: (_ctx, id) => users[id] && {
    accountId: id,
    claims: () => ({ sub: id, name: users[id].name, email: users[id].email }),
  },
  // A confidential client's refresh token would be kept until 70 % of its life have passed.
  rotateRefreshToken: true,
  ttl: {
    AccessToken: tokenLife, Grant: 3_600, IdToken: 3_600, Interaction: 600, RefreshToken: 3_600, Session: 3_600,
  },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx, resource) => {
        if (!Object.hasOwn(apis, resource)) throw new Error(`no API is called ${resource}`);
        return {
          scope: apis[resource],
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: tokenLife,
          jwt: { sign: { alg: 'RS256' } },
        };
      },
    },
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
});

const counters = countEvents(provider);
const interact = interactions(provider, users);
const standard = provider.callback();

const server = createServer(async (request, response) => {
  try {
    if (request.url === '/counters') {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(counters));
    } else if (!(await interact(request, response))) {
      await standard(request, response);
    }
  } catch (error) {
    console.error('the request failed:', error.message);
    response.statusCode = 500;
    response.end();
  }
});
server.on('error', (error) => {
  console.error(`cannot listen on port ${port}: ${error.message}`);
  process.exit(1);
});
server.listen(port, 'localhost', () => console.log('listening'));
process.stdin.resume().on('end', () => process.exit(0));
