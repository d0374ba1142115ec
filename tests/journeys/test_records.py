"""What is left behind: entries that verify, figures that count, and no personal word in clear."""

import asyncio
import json
import time

import asyncpg

from gateway.outbound.probe import probe
from tests.staging import Stage
from tests.zygote import bastion


def entries(stage: Stage) -> list[asyncpg.Record]:
    async def read() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(stage.summary["database_url"])
        try:
            return list(await connection.fetch("SELECT * FROM audit_entries ORDER BY id"))
        finally:
            await connection.close()

    return asyncio.run(read())


def test_every_act_has_its_entry_and_the_chain_verifies(stage: Stage) -> None:
    visitor = stage.signed_in()
    wrong = stage.visitor()
    wrong.log_in(wrong.visit(stage.auth + "/login"), "ada", "my other password")
    wrong.log_in(wrong.visit(stage.auth + "/login"), "hunter2", "x")
    visitor.submit(visitor.visit(stage.app + "/"), "/.bastion/logout")
    time.sleep(2.5)  # the linker's round

    found = entries(stage)
    kinds = [row["kind"] for row in found]
    config = ["--config", str(stage.demo.directory / "config.yaml")]
    done = bastion("audit", "verify", "--json", *config)

    assert {"user_added", "config_loaded", "policy_loaded", "login", "login_failed", "logout"} <= set(kinds)
    assert kinds.count("config_loaded") == 1, "two workers, one entry"
    assert done.returncode == 0, done.stdout + done.stderr
    text = " ".join(str(tuple(row)) for row in found)
    assert "hunter2" not in text
    assert "Lovelace" not in text
    assert "Firefox" not in text
    assert "127.0.0.1" not in text


def test_figures_count_what_happens(stage: Stage) -> None:
    ops = f"unix:{stage.decision_socket.replace('decision', 'ops')}"
    before = figures(probe(ops, "/metrics")[1])

    visitor = stage.signed_in()
    visitor.fetch(stage.app + "/admin/x")
    after = figures(probe(ops, "/metrics")[1])

    def grew(name: str) -> float:
        return after[name] - before[name]

    assert grew('bastion_logins_total{outcome="accepted"}') == 1
    assert grew('bastion_decisions_total{outcome="deny"}') == 1
    assert grew('bastion_decisions_total{outcome="allow"}') >= 1
    assert grew('bastion_decisions_total{outcome="login"}') >= 1
    assert grew("bastion_decision_seconds_count") >= 3
    assert grew("bastion_login_score_count") == 1
    assert len([name for name in after if name.startswith("bastion_login_score_bucket")]) == 11
    assert after["bastion_geoip_age_seconds"] == 0, "without a file"
    assert after["bastion_workers"] == 2
    assert after['bastion_job_seconds_count{job="linker"}'] > 0
    of_masters = [value for name, value in after.items() if name.startswith("bastion_keys_rows{")]
    assert len(of_masters) == 1
    assert of_masters[0] > 0


def figures(text: str) -> dict[str, float]:
    rows = [line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


def test_refused_decisions_are_logged_with_their_request_id(stage: Stage) -> None:
    answer = stage.visitor().fetch(stage.app + "/api/x")

    line = next(line for line in stage.logged() if line.get("request_id") == answer.json()["request_id"])

    assert (line["outcome"], line["route"], line["status"]) == ("login", "app/api", 401)
    assert "cookie" not in json.dumps(line).lower()


def test_ready_and_alive_are_said(stage: Stage) -> None:
    ops = f"unix:{stage.decision_socket.replace('decision', 'ops')}"

    status, body = probe(ops, "/readyz")

    assert (probe(ops, "/healthz")[0], status) == (200, 200)
    assert json.loads(body)["checks"]["postgres"] == "ok"
    assert json.loads(body)["checks"]["policy"].startswith("ok, version ")
