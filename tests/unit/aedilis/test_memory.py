"""What was freed stays with the process, so that taking it again costs no page faults."""

from __future__ import annotations

import subprocess
import sys

_MEASURE = """
import resource, sys
from aedilis.memory import keep_freed
if sys.argv[1] == "keep":
    keep_freed()
import numpy as np
for _ in range(3):
    [np.ones(12_000) for _ in range(20)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    [np.ones(12_000) for _ in range(20)]
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_no_page_faults_where_freed_memory_is_kept() -> None:
    kept, given_back = (
        int(subprocess.run([sys.executable, "-c", _MEASURE, how], capture_output=True, check=True).stdout)
        for how in ("keep", "as it comes")
    )
    assert kept < 1_000 or kept < given_back / 10
