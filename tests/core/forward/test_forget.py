"""What is expired for the next person on a browser: what the policy names, what the browser shows, and no more."""

from dataclasses import replace

from gateway.core.forward.forget import forget_app
from gateway.core.forward.request import ForwardedRequest, read_request
from gateway.core.policy.compile import Policy, Site, compile_policy
from tests.core.forward.setting import CONTEXT

FLAGS = "Secure; HttpOnly; Max-Age=0"


def policy_of(cookies: str, host: str = "shop.example.org", base: str = "/") -> Policy:
    text = f'apps: {{a: {{hosts: "{host}", base: {base}, allow: authenticated, app_cookies: {cookies}}}}}'
    return compile_policy({"p.yaml": text}, Site("auth.example.org"))


def request(cookies: str = "", host: str = "shop.example.org") -> ForwardedRequest:
    sent = {
        "host": host,
        "x-request-id": "7f0c2a54-6f3e-4c0b-9a35-0d6c1c1e6f11",
        "x-forwarded-method": "GET",
        "x-forwarded-uri": "/.bastion/callback",
        "x-forwarded-host": host,
        "x-forwarded-proto": "https",
        "x-forwarded-for": "198.51.100.7",
        "cookie": cookies,
    }
    return read_request((name.encode(), value.encode("latin-1")) for name, value in sent.items())


def expired(policy: Policy, asked: ForwardedRequest) -> list[str]:
    (name, cleared), *cookies = forget_app(replace(CONTEXT, policy=policy), asked)
    assert (name, cleared) == ("Clear-Site-Data", '"cache", "storage"')
    assert {name for name, _ in cookies} <= {"Set-Cookie"}
    return [value for _, value in cookies]


def test_each_is_expired_for_the_host_alone_and_for_each_parent_domain_at_each_path() -> None:
    found = expired(policy_of("{name: sid, path: /till}", base="/shop"), request("a=1"))

    paths = {"sid": ("/", "/shop", "/shop/", "/till", "/till/"), "a": ("/", "/shop", "/shop/")}
    domains = ("", "Domain=shop.example.org; ", "Domain=example.org; ")
    assert found == [
        f"{name}=; Path={path}; {domain}{FLAGS}" for domain in domains for name in paths for path in paths[name]
    ]


def test_what_is_named_and_shown_is_expired_once() -> None:
    found = expired(policy_of("[a, b]"), request("b=1; c=2; __Host-bastion=x"))

    assert [line for line in found if "Domain" not in line] == [f"{name}=; Path=/; {FLAGS}" for name in "abc"]
    assert len(found) == len(set(found))


def test_our_own_cookies_are_left_to_us() -> None:
    assert expired(policy_of("none"), request("__Host-bastion=x; __Host-bastion-last=y")) == []


def test_a_host_of_another_policy_has_nothing_to_name() -> None:
    assert expired(policy_of("a", host="other.example.org"), request("b=1")) == [
        f"b=; Path=/; {FLAGS}",
        f"b=; Path=/; Domain=shop.example.org; {FLAGS}",
        f"b=; Path=/; Domain=example.org; {FLAGS}",
    ]


def test_of_many_labels_the_host_and_the_widest_domains_are_tried() -> None:
    host = "1.2.3.4.5.6.7.8.9.example.org"
    found = expired(policy_of("a", host="**.example.org"), request(host=host))

    domains = [line.partition("Domain=")[2].partition(";")[0] for line in found if "Domain" in line]
    wide = [".".join(map(str, range(first, 10))) + ".example.org" for first in range(4, 10)]
    assert domains == [host, *wide, "example.org"]


def test_an_answer_stays_small_and_what_lies_at_the_host_alone_comes_first() -> None:
    shown = "; ".join(f"{'x' * 100}{number}=1" for number in range(180))
    found = expired(policy_of("[sid, tid]"), request(shown))

    assert found[:2] == [f"sid=; Path=/; {FLAGS}", f"tid=; Path=/; {FLAGS}"]
    assert sum(map(len, found)) <= 24_576
    assert len([line for line in found if "Domain" not in line]) > 150


def test_all_that_a_policy_may_name_is_expired_at_the_host() -> None:
    """At their full length: the bound of the answer is above the bound of the policy."""
    cookies = ", ".join(f"{{name: {'n' * 62}{number:02}, path: '/{'p' * 127}'}}" for number in range(16))
    found = expired(policy_of(f"[{cookies}]", base="/" + "b" * 60), request())

    assert len([line for line in found if "Domain" not in line]) == 16 * 5
