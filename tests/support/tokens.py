"""SoftHSM tokens for tests: a module that is a whole PKCS #11 implementation."""

from __future__ import annotations

import itertools
import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jpki.keys.pkcs11.token import Token
from jpki.keys.pkcs11.uri import parse_pkcs11_uri
from jpki.model.ports import Secret

__all__ = ["PIN", "SOFTHSM", "SoftHSM", "TestToken"]

PIN: Final = "3141-5926"
SOFTHSM: Final = "/usr/lib/softhsm/libsofthsm2.so"

_TOKEN_FLAGS: Final = struct.pack(">QQ", 0x8000534B, 0x2)
"""CKA_OS_TOKENFLAGS, a number: how SoftHSM's object files begin that attribute."""


@dataclass(frozen=True, slots=True)
class TestToken:
    """One token and the folder that it lives in."""

    __test__ = False

    label: str
    folder: Path
    pin_file: Path

    @property
    def store(self) -> str:
        """As `key_store` names it in the settings."""
        return (
            f"pkcs11:token={self.label}?module-path={SOFTHSM}"
            f"&pin-source={self.pin_file}"
        )

    def open(self, pin: Secret = lambda: PIN) -> Token:
        """The token, as our code sees it."""
        return Token(parse_pkcs11_uri(self.store), pin)

    def pull_out(self) -> Path:
        """Take the token away; the answer is where it is meanwhile."""
        return Path(shutil.move(self.folder, self.folder.parent.parent / self.label))

    def put_back(self, away: Path) -> None:
        """Put it into its slot again."""
        shutil.move(away, self.folder)

    def delete_objects(self) -> None:
        """Take away its keys, but not the token."""
        for file in self.folder.glob("*-*.object"):
            file.unlink()

    def set_flag(self, flag: int) -> None:
        """Have the token say more about itself than SoftHSM ever would, such as that
        its PIN is locked: SoftHSM keeps no count of tries."""
        file = self.folder / "token.object"
        content = bytearray(file.read_bytes())
        start = content.index(_TOKEN_FLAGS) + len(_TOKEN_FLAGS)
        (flags,) = struct.unpack_from(">Q", content, start)
        struct.pack_into(">Q", content, start, flags | flag)
        file.write_bytes(content)


class SoftHSM:
    """A folder of tokens, as the one configuration of this process."""

    def __init__(self, folder: Path) -> None:
        self._tokens = folder / "tokens"
        self._tokens.mkdir()
        self._numbers = itertools.count(1)
        config = folder / "softhsm2.conf"
        config.write_text(
            f"directories.tokendir = {self._tokens}\n"
            "objectstore.backend = file\n"
            "log.level = ERROR\n"
        )
        # The module reads it from the environment whenever it is initialised.
        os.environ["SOFTHSM2_CONF"] = str(config)

    def new_token(self, label: str | None = None) -> TestToken:
        """Initialise a token with `PIN`."""
        label = label or f"token-{next(self._numbers)}"
        before = set(self._tokens.iterdir())
        subprocess.run(
            [
                *("softhsm2-util", "--init-token", "--free", "--label", label),
                *("--pin", PIN, "--so-pin", "officer-271828"),
            ],
            check=True,
            capture_output=True,
        )
        (folder,) = set(self._tokens.iterdir()) - before
        pin_file = self._tokens.parent / f"{label}.pin"
        pin_file.touch(mode=0o600)
        pin_file.write_text(f"{PIN}\n")
        return TestToken(label, folder, pin_file)
