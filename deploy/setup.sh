#!/usr/bin/env bash
# Checks what the machine must bring, then makes .venv from the lock file.
set -eu
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo "
missing=0
need() { # program, package, what it is for
  if ! command -v "$1" >/dev/null 2>&1; then
    echo "$1 is missing ($3). Install it with: ${sudo}apt-get install -y $2" >&2
    missing=1
  fi
}
need python3 "python3 python3-venv" "everything"
if [ -z "${AEDILIS_KAFKA:-}" ]; then
  need java openjdk-17-jre-headless "Apache Kafka"
  need mvn maven "fetching Apache Kafka"
  if command -v java >/dev/null 2>&1; then
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    if [ "${version:-0}" -lt 17 ]; then
      echo "Java 17 is missing (java is ${version:-unknown}). Install it with: ${sudo}apt-get install -y openjdk-17-jre-headless" >&2
      missing=1
    fi
  fi
fi
need node nodejs "the page's libraries"
need npm npm "the page's libraries"
if [ -z "${AEDILIS_MQTT:-}" ] || [ -z "${AEDILIS_DATABASE:-}" ]; then
  need apt-get apt "fetching PostgreSQL and Mosquitto"
  need dpkg dpkg "unpacking PostgreSQL and Mosquitto"
fi
[ "$missing" = 0 ] || exit 1
python=""
for name in python3.13 python3.12 python3.11 python3; do
  if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    python=$name
    break
  fi
done
if [ -z "$python" ]; then
  echo "Python 3.11 to 3.13 is missing. Install it with: ${sudo}apt-get install -y python3.11 python3.11-venv" >&2
  exit 1
fi
if ! [ -x .venv/bin/python ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  echo "making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv || { echo "Install what is missing with: ${sudo}apt-get install -y python3-venv" >&2; exit 1; }
fi
if ! [ -x .venv/bin/uv ]; then
  echo "fetching uv"
  .venv/bin/python -m pip install --quiet --disable-pip-version-check uv
fi
echo "installing the locked dependencies"
.venv/bin/uv sync --frozen --inexact --compile-bytecode # compiled once, each process starts in half the time
