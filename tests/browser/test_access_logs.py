"""What Caddy's access logs keep of people's secrets: of the session nothing, and of an address only its own host's."""

import time

from playwright.sync_api import BrowserContext, expect

from tests.browser.house import AUTH, ONE, PASSWORDS, TWO, House
from tests.browser.legacy import Written
from tests.browser.people import asks_for_login, cookies_of, fill_in, leave, sign_in

TOKEN = "reset-7f3a9c"
UNSAFE = {"Referrer-Policy": "unsafe-url"}


def logs(house: House, marker: str, *hosts: str) -> dict[str, str]:
    """Once the last request of the test, which has the marker, is in one of them."""
    deadline = time.monotonic() + 20
    while not any(marker in house.logged(host) for host in hosts):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return {host: house.logged(host) for host in hosts}


def test_no_log_has_a_session_a_login_or_a_password(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, "/mine")
    page.goto(house.url(TWO, "/mine"))
    secrets = [
        value.split(".")[3] if value.startswith("v1.") else value
        for host in (AUTH, ONE, TWO)
        for name, value in cookies_of(profile, house, host).items()
        if name in ("__Host-bastion", "__Host-bastion-login")
    ]
    way = cookies_of(profile, house, ONE)["__Host-bastion-way"].split(".")[0]
    leave(page, house)
    page.goto(house.url(ONE, "/end-of-secrets"))
    asks_for_login(page)

    found = logs(house, "/end-of-secrets", AUTH, ONE, TWO)
    found["gateway"] = (house.directory / "bastion.log").read_text()

    assert len(secrets) == 3
    assert "/.bastion/callback?code=" in found[ONE]
    for name, text in found.items():
        for secret in (*secrets, way, PASSWORDS["ada"]):
            assert len(secret) > 16
            assert secret not in text, name


def test_the_address_of_a_page_is_in_no_other_hosts_log(profile: BrowserContext, house: House) -> None:
    page = profile.new_page()
    sign_in(page, house, ONE, f"/mine?token={TOKEN}")
    page.goto(house.url(TWO, "/mine"))
    leave(page, house)
    page.goto(house.url(ONE, f"/end-of-address?token={TOKEN}"))
    asks_for_login(page)

    found = logs(house, "/end-of-address", ONE, TWO, AUTH)

    assert TOKEN in found[ONE], "which is how it would look"
    assert TOKEN not in found[AUTH]
    assert TOKEN not in found[TWO]
    assert TOKEN not in (house.directory / "bastion.log").read_text()


def test_a_page_that_tells_everybody_where_it_is_does_not_tell_the_login(profile: BrowserContext, house: House) -> None:
    """Its own Referrer-Policy ends with our redirect."""
    page = profile.new_page()
    token = TOKEN + "-referer"
    house.app.written["/leaky"] = Written(f'<a href="{house.url(TWO, "/next")}">Next</a>', UNSAFE)
    sign_in(page, house, ONE, f"/leaky?token={token}")
    profile.clear_cookies(name="__Host-bastion-login")

    page.get_by_role("link", name="Next").click()
    asks_for_login(page)
    fill_in(page, "ada")
    expect(page).to_have_url(house.url(TWO, "/next"))

    found = logs(house, "/next", TWO, AUTH)
    assert token in found[TWO], "the app has told that host"
    assert token not in found[AUTH]
