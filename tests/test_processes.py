"""What a test starts does not outlive the test process."""

import subprocess
import sys
from pathlib import Path

from tests.embedded.test_servers import gone, within

ROOT = Path(__file__).resolve().parents[1]
STARTS = """
import sys, time
from pathlib import Path
from tests.processes import serve
print(serve(["sleep", "60"], Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def test_a_server_ends_with_a_test_process_that_was_killed(tmp_path: Path) -> None:
    tests = subprocess.Popen([sys.executable, "-c", STARTS, tmp_path / "log"], cwd=ROOT, stdout=subprocess.PIPE)
    assert tests.stdout is not None
    server = int(tests.stdout.readline())
    assert not gone(server)

    tests.kill()
    tests.communicate()

    assert within(20, lambda: gone(server))
