"""The script and the commands of docs/oauth.md, as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.clients.declared import SECRET
from tests.staging import Stage
from tests.tools import lacks

PAGE = Path(__file__).resolve().parents[2] / "docs" / "oauth.md"


def test_dpop_by_hand(stage: Stage, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        lacks("what a person types", "curl")
    page = PAGE.read_text()
    (script,) = re.findall(r"^```python\n# dpop\.py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (commands,) = re.findall(r"^```sh\n(# AUTH=.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "dpop.py").write_text(script)
    environment = {
        **os.environ,
        "AUTH": stage.auth,
        "API": f"{stage.app}/tokens/x",
        "EXPORT_SECRET": SECRET,
        "CURL_CA_BUNDLE": str(stage.summary["ca_file"]),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    done = subprocess.run(
        ["sh", "-euc", commands.replace("export:", "library-service:")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "client:library-service" in done.stdout
    assert (tmp_path / "dpop.key").stat().st_mode & 0o777 == 0o600
    assert script.count("\n") <= 42
