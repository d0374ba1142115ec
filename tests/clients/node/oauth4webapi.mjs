// oauth4webapi 3 as it is: discovery, PAR, code with PKCE, DPoP, private_key_jwt, and what the tokens are for.
import * as oauth from 'oauth4webapi'
import { api, done, issuer, key, person, told } from './told.mjs'

const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer))
const client = { client_id: told.client, id_token_signed_response_alg: told.id_token_alg }
const how = oauth.PrivateKeyJwt(key)
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(told.alg))

// The server asks each key once for a nonce; then the same again, as the library's own examples do.
async function again(act) {
  try {
    return await act()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return await act()
  }
}

async function tokensFor(resource, scope) {
  const [verifier, nonce, state] = [
    oauth.generateRandomCodeVerifier(), oauth.generateRandomNonce(), oauth.generateRandomState(),
  ]
  const asked = {
    redirect_uri: told.redirect_uri,
    response_type: 'code',
    scope,
    resource,
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  const pushed = await again(async () =>
    oauth.processPushedAuthorizationResponse(
      as, client, await oauth.pushedAuthorizationRequest(as, client, how, asked, { DPoP })))
  const address = new URL(as.authorization_endpoint)
  address.search = new URLSearchParams({ client_id: told.client, request_uri: pushed.request_uri })
  const answer = oauth.validateAuthResponse(as, client, await person(address), state)
  return await again(async () => {
    const response = await oauth.authorizationCodeGrantRequest(
      as, client, how, answer, told.redirect_uri, verifier, { DPoP })
    return await oauth.processAuthorizationCodeResponse(
      as, client, response, { expectedNonce: nonce, requireIdToken: true })
  })
}

const tokens = await tokensFor(told.issuer, 'openid profile')
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
const who = await again(async () =>
  oauth.processUserInfoResponse(
    as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, { DPoP })))

const renewed = await again(async () =>
  oauth.processRefreshTokenResponse(
    as, client, await oauth.refreshTokenGrantRequest(as, client, how, tokens.refresh_token, { DPoP })))

async function introspected(token) {
  return await oauth.processIntrospectionResponse(
    as, client, await oauth.introspectionRequest(as, client, how, token))
}

const before = await introspected(renewed.access_token)
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, how, renewed.refresh_token))
const after = await introspected(renewed.access_token)

const { access_token } = await tokensFor(told.api, 'openid notes.read')
async function called() {
  return await oauth.protectedResourceRequest(access_token, 'GET', new URL('/tokens/x', api), undefined, undefined, { DPoP })
}
const opened = await again(called)

done({
  user: who.preferred_username,
  type: tokens.token_type,
  changed: renewed.refresh_token !== tokens.refresh_token,
  before: before.active,
  bound: Boolean(before.cnf?.jkt),
  after: after.active,
  status: opened.status,
})
