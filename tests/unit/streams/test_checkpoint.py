"""The complete manifest with the highest offset is chosen, whoever wrote it."""

import zlib

import msgspec

from streams.checkpoint import Manifest, choose, chunk_key, manifest_key


def entries(writer: str, offset: int, raw: bytes, *, whole: bool = True) -> dict[bytes, bytes]:
    manifest = Manifest(writer, offset, 1, {0: ("A", zlib.crc32(raw))})
    kept = {manifest_key(writer): msgspec.json.encode(manifest)}
    return kept | ({chunk_key(writer, 0, "A"): raw} if whole else {})


def test_highest_offset_wins_over_a_writer_that_woke_late() -> None:
    manifest, chunks = choose(entries("new", 20, b"new") | entries("old", 10, b"old"))
    assert manifest is not None
    assert (manifest.next_offset, chunks) == (20, {0: b"new"})


def test_an_incomplete_checkpoint_is_passed_by() -> None:
    manifest, chunks = choose(entries("new", 20, b"new", whole=False) | entries("old", 10, b"old"))
    assert manifest is not None
    assert (manifest.next_offset, chunks) == (10, {0: b"old"})


def test_nothing_kept() -> None:
    assert choose({}) == (None, {})
