"""Mosquitto, the MQTT broker: one user, sessions saved every two seconds, no limit that drops QoS 1 messages."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil

from aedilis.settings import Settings
from deploy import fetch
from deploy.probe import answer
from deploy.process import Guarded

HASH_ROUNDS = 101


class Mosquitto:
    """The broker of one installation."""

    name = "mqtt"

    def __init__(self, settings: Settings) -> None:
        self.address = settings.mqtt
        self._settings = settings
        self._folder = settings.home_path / "mosquitto"

    def configuration(self) -> str:
        """The text of `mosquitto.conf`."""
        lines = [
            f"listener {self.address.rpartition(':')[2]} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {self._folder / 'passwords'}",
            "persistence true",
            f"persistence_location {self._folder}/",
            "autosave_interval 2",
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "persistent_client_expiration 14d",  # a session that nobody comes back to would fill the broker
            "max_packet_size 8388608",
            "log_dest stderr",
            "log_type error",
            "log_type warning",
            "log_type notice",
            "connection_messages false",  # the supervisor asks every five seconds whether it answers
            *(["user root"] if os.geteuid() == 0 else []),  # else it looks for a user `mosquitto`
        ]
        return "\n".join(lines) + "\n"

    def prepare(self) -> Guarded:
        """Write configuration and password file."""
        program = fetch.mosquitto() / "mosquitto"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        passwords = self._folder / "passwords"
        passwords.touch(mode=0o600)
        passwords.write_text(f"{self._settings.mqtt_user}:{password_hash(self._settings.mqtt_password)}\n")
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(self.configuration())
        log = self._settings.home_path / "logs" / "mosquitto.log"
        return Guarded(self.name, [str(program), "-c", str(configuration)], log)

    def finish(self) -> None:
        """Nothing to do."""

    def answers(self) -> bool:
        """Whether it lets a client in or refuses it."""
        # CONNECT: length, protocol `MQTT` 4, a clean session, keep alive 5 s, no name
        return answer(self.address, b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x05\x00\x00")

    def empty(self) -> None:
        """Delete sessions and retained messages."""
        shutil.rmtree(self._folder, ignore_errors=True)


def password_hash(password: str) -> str:
    """Mosquitto's `$7$` form: PBKDF2 with SHA-512."""
    salt = os.urandom(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, HASH_ROUNDS)
    return f"$7${HASH_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
