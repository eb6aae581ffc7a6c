// The OpenID provider that `make interop` tries tokenbridge against: the npm package oidc-provider
// with two APIs, one confidential client, and refresh tokens that are used once.
//
// Environment variables tell it what it needs (below). It prints `listening` when it serves, and
// ends when its standard input does.
import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
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
// The client's secret, or the file with its public key (private_key_jwt).
const clientSecret = process.env.CLIENT_SECRET;
const clientKey = process.env.CLIENT_PUBLIC_KEY;
const tokenLife = Number(required('TOKEN_LIFE'));
const issuer = `http://localhost:${port}`;

/** How the client proves who it is. */
const credential = clientKey
  ? {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'RS256',
      jwks: { keys: [{ ...createPublicKey(readFileSync(clientKey)).export({ format: 'jwk' }), use: 'sig' }] },
    }
  : { client_secret: clientSecret };

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
      ...credential,
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
