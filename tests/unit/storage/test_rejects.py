"""Of a group of rejects that come together the latest keep their bytes, whatever partition they are of."""

from aedilis.vocabulary import Reject, RejectReason
from storage.rejects import SAMPLES, group_statements


def reject(received_at: int) -> Reject:
    return Reject(
        process="p",
        topic="city/a/b/c",
        payload=b"{",
        payload_size=1,
        reason=RejectReason.INVALID_JSON,
        detail="",
        received_at=received_at,
    )


def test_the_latest_of_all_partitions_are_kept_and_all_are_counted() -> None:
    rejects = [(1, offset, reject(offset)) for offset in range(10, 20)] + [(2, 0, reject(30)), (2, 1, reject(5))]
    group, *samples, _ = [values for _, values in group_statements(7, rejects)]
    assert group["count"] == 12
    assert len(samples) == SAMPLES
    assert [(one["partition"], one["offset"]) for one in samples[-2:]] == [(1, 19), (2, 0)]
    assert (2, 1) not in {(one["partition"], one["offset"]) for one in samples}
