"""Chance depends on the seed, the name and the numbers only, and is spread as it says."""

import numpy as np

from simulation.chance import Chance

MANY = np.arange(200_000)


def test_it_is_a_function_of_seed_name_and_numbers() -> None:
    one = Chance(1).bits("a", MANY)
    assert (Chance(1).bits("a", MANY) == one).all()
    assert int(Chance(1).bits("a", 7)[0]) == one[7]
    for other in (Chance(2).bits("a", MANY), Chance(1).bits("b", MANY), Chance(1).bits("a", MANY + 1_000_000)):
        assert (other != one).all()
    assert Chance(1).bits("a", 1, 2) != Chance(1).bits("a", 2, 1)


def test_it_is_the_same_on_every_machine() -> None:
    assert Chance(3).bits("a", -5, 2**40).tolist() == [4_310_286_278_683_946_653]


def test_numbers_broadcast() -> None:
    table = Chance(1).uniform("a", np.arange(3)[:, None], np.arange(4))
    assert table.shape == (3, 4)
    assert len(np.unique(table)) == 12
    assert table[2, 1] == Chance(1).uniform("a", 2, 1)[0]


def test_uniform_numbers_fill_the_unit_evenly() -> None:
    numbers = Chance(5).uniform("a", MANY)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    shares = np.histogram(numbers, bins=20, range=(0, 1))[0] / len(MANY)
    assert np.abs(shares - 0.05).max() < 0.003


def test_bell_shaped_numbers_have_mean_0_and_deviation_1() -> None:
    numbers = Chance(5).bell("a", MANY)
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1) < 0.01
    assert 3 < np.abs(numbers).max() < 3.5
    assert 0.66 < (np.abs(numbers) < 1).mean() < 0.69
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 0.01


def test_a_walk_is_smooth_and_goes_through_its_knots() -> None:
    chance = Chance(5)
    seconds = np.arange(0, 40 * 3600, 60)
    walk = chance.wander("a", seconds, 4.0)
    knots = chance.bell("a", np.arange(10))
    assert np.allclose(walk[:: 4 * 60], knots)
    assert np.abs(np.diff(walk)).max() < 1.5 * 7 / 240
    assert walk.std() > 0.3
