"""A consumer fetches at once after a pause, and then not again too soon; aiokafka and Faust have what that reaches into."""

from typing import Any

from aiokafka.consumer.fetcher import Fetcher
from faust.transport.drivers import aiokafka as driver

from streams.fetching import hold


class Asked:
    """A fetcher that would always send one fetch."""

    def __init__(self, requests: list[str]) -> None:
        self.times = 0
        self.requests = requests

    def _get_actions_per_node(self, assignment: Any) -> Any:
        self.times += 1
        return self.requests, {"resets": 1}, 5.0, True, ["resumed"]


def test_a_second_fetch_waits_for_the_rest_of_the_time() -> None:
    fetcher = Asked(["fetch"])
    hold(fetcher, 60.0)
    assert fetcher._get_actions_per_node(None)[0] == ["fetch"]
    requests, resets, wait, stale, resumed = fetcher._get_actions_per_node(None)
    assert (requests, resets, stale, resumed) == ([], {}, False, [])
    assert 0 < wait <= 60.0
    assert fetcher.times == 1


def test_who_had_nothing_to_fetch_does_not_wait() -> None:
    fetcher = Asked([])
    hold(fetcher, 60.0)
    assert fetcher._get_actions_per_node(None) == fetcher._get_actions_per_node(None)
    assert fetcher.times == 2


def test_what_is_reached_into_is_there() -> None:
    assert callable(Fetcher._get_actions_per_node)
    assert callable(driver.Consumer._new_consumer_thread)
    assert callable(driver.AIOKafkaConsumerThread._ensure_consumer)
