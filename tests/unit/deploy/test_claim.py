"""One at a time runs an installation, and it is free when the last of what it started is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aedilis.errors import ServerError
from deploy.claim import claim, holder, wait_free

HOLD = """
import sys, time
from pathlib import Path
from deploy.claim import claim
from deploy.process import Guarded
home = Path(sys.argv[1])
with claim(home, "servers") as held:
    Guarded("x", ["sh", "-c", "trap '' TERM; while true; do sleep 600; done"], home / "log", grace=1.0).start([held])
    print("held", flush=True)
    time.sleep(600)
"""


def test_it_says_who_holds_it(tmp_path: Path) -> None:
    assert holder(tmp_path, "servers") is None
    with claim(tmp_path, "servers"):
        assert holder(tmp_path, "servers") == os.getpid()
        assert holder(tmp_path, "line") is None
    assert holder(tmp_path, "servers") is None
    wait_free(tmp_path, "servers")


def test_a_second_claim_is_refused(tmp_path: Path) -> None:
    with (
        claim(tmp_path, "line"),
        pytest.raises(ServerError, match=rf"run already, by process {os.getpid()}"),
        claim(tmp_path, "line"),
    ):
        pass


def test_a_claim_waits_for_what_a_killed_holder_left(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert holder(tmp_path, "servers") == other.pid  # its guard has a second's work to do
        with claim(tmp_path, "servers"):
            assert holder(tmp_path, "servers") == os.getpid()


def test_it_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), claim(tmp_path, "line"):
        raise ZeroDivisionError
    deadline = time.monotonic() + 5
    while holder(tmp_path, "line") is not None:
        assert time.monotonic() < deadline
