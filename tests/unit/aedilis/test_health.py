"""Each process says where its health is served, and the dead are not listened to."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import msgspec
import pytest

from aedilis.errors import SettingError
from aedilis.health import Check, HealthServer, Running, running
from aedilis.settings import Settings

OTHER = """
import asyncio, sys
from aedilis.health import HealthServer
from aedilis.settings import Settings
async def main():
    await HealthServer(Settings(home=sys.argv[1]), "worker-detect", {}).start()
    print("serving", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def other_worker(home: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", OTHER, str(home)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "serving\n"
    return child


async def ask(port: int, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


def server(home: Path, checks: dict[str, Check] | None = None, port: int = 0) -> HealthServer:
    return HealthServer(Settings(home=str(home), metrics_port=port), "worker-detect", checks or {})


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    problem: list[str | None] = ["no partitions"]

    async def check() -> str | None:
        return problem[0]

    async def main() -> None:
        one = server(tmp_path, {"partitions": check})
        await one.start()
        [found] = running(tmp_path)
        assert (found.process, found.pid) == ("worker-detect", os.getpid())
        status, body = await ask(found.port, "/health/ready")
        assert (status, msgspec.json.decode(body)["wrong"]) == (503, {"partitions": "no partitions"})
        assert (await ask(found.port, "/health/live"))[0] == 200
        problem[0] = None
        assert (await ask(found.port, "/health/ready"))[0] == 200
        assert "# HELP" in (await ask(found.port, "/metrics"))[1]
        await one.stop()
        assert running(tmp_path) == []
        assert list((tmp_path / "run").iterdir()) == []

    asyncio.run(main())


def test_several_of_one_name_stand_side_by_side_and_the_dead_go(tmp_path: Path) -> None:
    async def main() -> None:
        one = server(tmp_path)
        await one.start()
        others = [other_worker(tmp_path), other_worker(tmp_path)]
        assert {found.pid for found in running(tmp_path)} == {os.getpid(), *(other.pid for other in others)}
        for other in others:
            other.kill()
            other.communicate()
        assert [found.pid for found in running(tmp_path)] == [os.getpid()]
        assert len(list((tmp_path / "run").iterdir())) == 3
        await one.stop()
        await one.start()
        assert len(list((tmp_path / "run").iterdir())) == 1
        await one.stop()

    asyncio.run(main())


def test_a_number_that_was_given_anew_is_another_process(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "x.1.json").write_bytes(msgspec.json.encode(Running("x", os.getpid(), 80, 1.0)))
    (folder / "broken.json").write_text("{")
    assert running(tmp_path) == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    async def main() -> None:
        one = server(tmp_path)
        await one.start()
        [found] = running(tmp_path)
        with pytest.raises(SettingError, match=f"AEDILIS_METRICS_PORT: expected a port that is free, got {found.port}"):
            await server(tmp_path, port=found.port).start()
        await one.stop()

    asyncio.run(main())
