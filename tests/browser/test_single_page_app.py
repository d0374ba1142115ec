"""An app of scripts alone: it proves a key at the token endpoint and at the API, and gets nonces from both."""

from urllib.parse import parse_qsl, urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.journeys.apps import VERIFIER, address
from tests.staging import Stage

SIGN_IN = """async ({token, client, redirect, verifier, code, api}) => {
    const text = bytes => btoa(String.fromCharCode(...new Uint8Array(bytes)))
        .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const json = value => text(new TextEncoder().encode(JSON.stringify(value)));
    const keys = await crypto.subtle.generateKey({name: 'ECDSA', namedCurve: 'P-256'}, false, ['sign', 'verify']);
    const {kty, crv, x, y} = await crypto.subtle.exportKey('jwk', keys.publicKey);
    const nonces = {};
    const proof = async (method, url, more) => {
        const head = json({typ: 'dpop+jwt', alg: 'ES256', jwk: {kty, crv, x, y}});
        const claims = {jti: text(crypto.getRandomValues(new Uint8Array(16))), htm: method, htu: url,
            iat: Math.floor(Date.now() / 1000), ...more};
        const nonce = nonces[new URL(url).origin];
        const input = `${head}.${json(nonce ? {...claims, nonce} : claims)}`;
        const signed = await crypto.subtle.sign(
            {name: 'ECDSA', hash: 'SHA-256'}, keys.privateKey, new TextEncoder().encode(input));
        return `${input}.${text(signed)}`;
    };
    const seen = [];
    const ask = async (method, url, headers, body, more = {}) => {
        for (let tries = 0; tries < 2; tries += 1) {
            const answer = await fetch(url, {method, body, credentials: 'omit',
                headers: {...headers, DPoP: await proof(method, url, more)}});
            seen.push(answer.status);
            const nonce = answer.headers.get('DPoP-Nonce');
            if (nonce) nonces[new URL(url).origin] = nonce;
            if (answer.ok || !nonce) return answer;
        }
    };
    const form = new URLSearchParams({grant_type: 'authorization_code', client_id: client, redirect_uri: redirect,
        code, code_verifier: verifier});
    const tokens = await (await ask('POST', token, {}, form)).json();
    const ath = text(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(tokens.access_token)));
    const called = await ask('GET', api, {Authorization: `DPoP ${tokens.access_token}`}, undefined, {ath});
    const bearer = await fetch(api, {credentials: 'omit', headers: {Authorization: `Bearer ${tokens.access_token}`}});
    return {type: tokens.token_type, statuses: seen, told: await called.json(), bearer: bearer.status};
}"""


def test_a_page_signs_in_and_calls_its_api_with_a_key_of_its_own(chromium: Browser, stage: Stage) -> None:
    context = chromium.new_context(ignore_https_errors=True, bypass_csp=True)  # the legacy app lets no page fetch
    context.set_default_timeout(10_000)
    page = context.new_page()
    code = _code(page, stage)

    done = page.evaluate(
        SIGN_IN,
        {
            "token": f"{stage.auth}/oauth2/token",
            "client": "page",
            "redirect": stage.summary["redirect_uri"],
            "verifier": VERIFIER,
            "code": code,
            "api": f"{stage.app}/api/proved/notes",
        },
    )

    assert done["type"] == "DPoP"
    assert done["statuses"] == [400, 200, 401, 200], "each side asks for its nonce once"
    assert done["told"]["headers"]["remote-user"] == ["ada"]
    assert "authorization" not in done["told"]["headers"]
    assert "dpop" not in done["told"]["headers"]
    assert done["bearer"] == 401
    context.close()


def _code(page: Page, stage: Stage) -> str:
    page.goto(address(stage, client_id="page", prompt="consent"))
    page.get_by_label("User name or e-mail").fill("ada")
    page.get_by_label("Password", exact=True).fill(stage.summary["password"])
    page.locator("#sign-in").click()
    expect(page.locator("#consent-allow")).to_be_visible()
    page.locator("#consent-allow").click()
    page.wait_for_url(lambda at: at.startswith(stage.summary["redirect_uri"]))
    return dict(parse_qsl(urlsplit(page.url).query))["code"]
