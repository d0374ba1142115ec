"""`bastion config` as an operator runs it."""

from pathlib import Path

from tests.zygote import bastion


def test_check_fails_with_one_line_for_each_mistake(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("profile: dev\nserver: {workers: 0}\nlog: {level: loud}\n")

    checked = bastion("config", "check", cwd=tmp_path)

    assert checked.returncode == 1
    assert checked.stderr.splitlines() == [
        "Error: config.yaml:2:19: `server.workers` is `0`; expected a whole number from 1 to 256",
        "config.yaml:3:14: `log.level` is `loud`; expected debug, info, warning or error",
    ]


def test_printed_secrets_make_a_production_configuration(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    secrets = bastion("config", "secrets", cwd=tmp_path).stdout
    (tmp_path / "config.yaml").write_text(
        "public_url: https://auth.example.com\ndatabase: {url: 'postgresql://db/x'}\nredis: {url: 'rediss://bastion:x1@r'}\n"
        "breach: {source: api}\nadmin: {networks: [192.0.2.0/24]}\n" + secrets
    )

    checked = bastion("config", "check", cwd=tmp_path)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "fine (production)" in checked.stdout
    assert secrets != bastion("config", "secrets", cwd=tmp_path).stdout


def test_check_looks_whether_directories_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "profile: dev\ndata_dir: here\naudit: {checkpoint_dir: file/below}\njwt: {keys_dir: file/keys}\n"
    )
    (tmp_path / "here").touch()
    (tmp_path / "file").touch()

    checked = bastion("config", "check", cwd=tmp_path)

    told = [line.removeprefix("Error: ") for line in checked.stderr.splitlines() if not line.startswith("unsafe: ")]
    assert checked.returncode == 1
    assert told[0] == f"`data_dir`: {tmp_path}/here is no directory"
    assert told[1] == f"`policy.directory`: {tmp_path}/policies does not exist"
    assert told[2].startswith(f"`jwt.keys_dir`: {tmp_path}/file/keys does not exist, and the account ")
    assert told[3].startswith(f"`audit.checkpoint_dir`: {tmp_path}/file/below does not exist, and the account ")
    assert "run the command on the node, as the account of the service" in told[4]
    assert "--without-files" in told[4]


def test_check_on_another_host_leaves_out_files_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("profile: dev\ndata_dir: here\n")
    (tmp_path / "here").touch()

    fine = bastion("config", "check", "--without-files", cwd=tmp_path)
    (tmp_path / "config.yaml").write_text("profile: dev\ndata_dri: here\n")
    mistaken = bastion("config", "check", "--without-files", cwd=tmp_path)

    assert (fine.returncode, fine.stdout) == (0, "config.yaml: fine (dev)\n")
    assert mistaken.returncode == 1
    assert "data_dri" in mistaken.stderr


def test_check_accepts_directories_that_the_start_makes_and_makes_none(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("profile: dev\ndata_dir: a/b\naudit: {checkpoint_dir: c}\n")
    (tmp_path / "policies").mkdir()

    checked = bastion("config", "check", cwd=tmp_path)

    assert checked.returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"config.yaml", "policies"}
