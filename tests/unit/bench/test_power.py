"""Power: the more a stall keeps, the sooner it is found; the figures of the docs are of this order."""

from __future__ import annotations

import numpy as np

from bench.power import weighings_until


def test_more_is_found_sooner_and_all_is_found() -> None:
    needed = [weighings_until(share, 20, stalls=30, seed=2, most=100) for share in (0.01, 0.02, 0.05)]
    median = [float(np.median(one)) for one in needed]
    assert 20 < median[0] < 45
    assert 10 < median[1] < 22
    assert 7 < median[2] < 15
    assert all(np.isfinite(one).all() for one in needed)


def test_a_stall_that_keeps_nothing_goes_free() -> None:
    assert np.isinf(weighings_until(0.0, 20, stalls=30, seed=2, most=400)).all()
