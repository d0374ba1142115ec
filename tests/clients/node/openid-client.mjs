// openid-client 6 as it is: discovery, PAR, code with PKCE, DPoP, private_key_jwt, and what the tokens are for.
import * as client from 'openid-client'
import { api, done, issuer, key, person, told } from './told.mjs'

const metadata = { id_token_signed_response_alg: told.id_token_alg }
const config = await client.discovery(issuer, told.client, metadata, client.PrivateKeyJwt(key))
client.enableNonRepudiationChecks(config)
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(told.alg))

async function tokensFor(resource, scope) {
  const [verifier, nonce, state] = [client.randomPKCECodeVerifier(), client.randomNonce(), client.randomState()]
  const asked = {
    redirect_uri: told.redirect_uri,
    scope,
    resource,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const address = await client.buildAuthorizationUrlWithPAR(config, asked, { DPoP })
  const checks = { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true }
  return await client.authorizationCodeGrant(config, await person(address), checks, undefined, { DPoP })
}

const tokens = await tokensFor(told.issuer, 'openid profile')
const who = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP })
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })

const before = await client.tokenIntrospection(config, renewed.access_token)
await client.tokenRevocation(config, renewed.refresh_token)
const after = await client.tokenIntrospection(config, renewed.access_token)

const { access_token } = await tokensFor(told.api, 'openid notes.read')
const opened = await client.fetchProtectedResource(
  config, access_token, new URL('/tokens/x', api), 'GET', undefined, undefined, { DPoP })

done({
  user: who.preferred_username,
  type: tokens.token_type,
  changed: renewed.refresh_token !== tokens.refresh_token,
  before: before.active,
  bound: Boolean(before.cnf?.jkt),
  after: after.active,
  status: opened.status,
})
