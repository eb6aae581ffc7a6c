// The login form and the question for consent, which oidc-provider leaves to its user.

/** A handler that answers below /interaction/ and returns whether it did. */
export function interactions(provider, users) {
  return async (request, response) => {
    const [, place, uid, action] = new URL(request.url, provider.issuer).pathname.split('/');
    if (place !== 'interaction' || !uid) return false;
    const interaction = await provider.interactionDetails(request, response);
    if (request.method === 'GET' && action === undefined) {
      page(response, interaction.prompt.name === 'login' ? loginForm(uid) : consentForm(uid));
    } else if (request.method === 'POST' && action === 'login' && interaction.prompt.name === 'login') {
      const form = await readForm(request);
      const user = form.get('username') ?? '';
      if (!Object.hasOwn(users, user) || users[user].password !== form.get('password')) {
        page(response, `<p>User name or password are wrong.</p>${loginForm(uid)}`);
        return true;
      }
      await provider.interactionFinished(request, response, { login: { accountId: user } });
    } else if (request.method === 'POST' && action === 'consent' && interaction.prompt.name === 'consent') {
      const consent = { grantId: await grant(provider, interaction) };
      await provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
    } else {
      response.statusCode = 404;
      response.end();
    }
    return true;
  };
}

/** Grants all that is missing. */
async function grant(provider, interaction) {
  const { grantId, params, prompt, session } = interaction;
  const found = grantId && (await provider.Grant.find(grantId));
  const agreed = found || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) agreed.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) agreed.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    agreed.addResourceScope(resource, scopes.join(' '));
  }
  return agreed.save();
}

const loginForm = (uid) => `<form method="post" action="/interaction/${uid}/login">
  <label>User name <input type="text" name="username" required autofocus></label>
  <label>Password <input type="password" name="password" required></label>
  <button type="submit">Log in</button>
</form>`;

const consentForm = (uid) => `<form method="post" action="/interaction/${uid}/consent">
  <p>The application asks for access in your name.</p>
  <button type="submit">Allow</button>
</form>`;

function page(response, body) {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  response.end(`<!doctype html><title>Log in</title>${body}`);
}

/** The form that was posted; a page that sends more than a login needs is refused. */
async function readForm(request) {
  let text = '';
  for await (const part of request) {
    text += part;
    if (text.length > 10_000) throw new Error('the form is too long');
  }
  return new URLSearchParams(text);
}
