// What happened at the provider, as numbers that a test can read.

/** Counts from now on; the object is live. */
export function countEvents(provider) {
  const counters = { refreshes: 0, reused_refresh_tokens: 0, refused_grants: 0, revoked_grants: 0, ended_sessions: 0 };
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.params.grant_type === 'refresh_token') counters.refreshes += 1;
  });
  provider.on('grant.error', (ctx, error) => {
    counters.refused_grants += 1;
    if (error.error_detail === 'refresh token already used') counters.reused_refresh_tokens += 1;
    console.error(`refused ${ctx.oidc?.params?.grant_type}: ${error.error} (${error.error_detail ?? error.error_description})`);
  });
  provider.on('authorization.error', (_ctx, error) => {
    console.error(`refused authorization: ${error.error} (${error.error_detail ?? error.error_description})`);
  });
  provider.on('grant.revoked', () => {
    counters.revoked_grants += 1;
  });
  provider.on('end_session.success', () => {
    counters.ended_sessions += 1;
  });
  provider.on('server_error', (_ctx, error) => console.error(`error: ${error.message}`));
  return counters;
}
