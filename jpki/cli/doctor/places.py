"""Folders, secrets, tokens and ports: what the settings point to."""

from __future__ import annotations

import os
import shutil
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jpki.cli.doctor.client import Health, ask_health
from jpki.cli.doctor.findings import (
    Finding,
    Words,
    from_error,
    ok,
    problem,
    warning,
)
from jpki.errors import ConfigurationError, JpkiError
from jpki.keys.pkcs11.uri import PKCS11URI, parse_pkcs11_uri
from jpki.service.secrets import passphrase_from
from jpki.service.settings import FILE_STORE, Settings

__all__ = [
    "data_directory",
    "free_space",
    "passphrase_files",
    "ports",
    "tokens",
]

FEW_OCTETS: Final = 1 << 30
"""Below it there is a warning: a million CRL entries take 41 MB, twice, and a log."""
TOO_FEW_OCTETS: Final = 100 << 20

_START: Final = Words("jpki serve を起動する", "start it with `jpki serve`")


def data_directory(settings: Settings) -> Iterator[Finding]:
    """The data directory and the folders of secrets in it."""
    folder = settings.common.data_directory
    if not folder.is_dir():
        yield problem(
            "directory",
            Words(
                f"データディレクトリ {folder} がない",
                f"there is no data directory {folder}",
            ),
            Words(
                "common.data_directory を直すか jpki init を使う",
                "correct common.data_directory, or make one with `jpki init`",
            ),
        )
        return
    yield _guarded(folder, others=stat.S_IWGRP | stat.S_IWOTH)
    for name in ("keys", "responder-keys", "secrets", "credentials"):
        if (folder / name).is_dir():
            yield _guarded(folder / name, others=stat.S_IRWXG | stat.S_IRWXO)
    yield free_space(folder, shutil.disk_usage(folder).free)


def _guarded(folder: Path, *, others: int) -> Finding:
    """Whether we may write there, and others may not do what they must not."""
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not os.access(folder, os.W_OK | os.X_OK):
        return problem(
            "directory",
            Words(f"{folder} に書き込めない", f"{folder} cannot be written"),
            Words(
                "サーバーを動かす利用者に所有者を変える",
                "give it to the user that runs the servers (chown)",
            ),
        )
    if mode & others:
        return problem(
            "directory.mode",
            Words(
                f"{folder} の許可 {mode:04o} は他の利用者に開いている",
                f"{folder} is open to other users (mode {mode:04o})",
            ),
            Words(*(f"chmod {mode & ~others:o} {folder}",) * 2),
        )
    return ok("directory", f"{folder} {mode:04o}", f"{folder} {mode:04o}")


def free_space(folder: Path, free: int) -> Finding:
    """Whether what is still to be recorded has room."""
    amount = f"{free / (1 << 30):.1f} GiB"
    message = Words(f"{folder} の空きは {amount}", f"{amount} are free for {folder}")
    step = Words("ディスクを空ける", "free some disk space")
    if free < TOO_FEW_OCTETS:
        return problem("directory.space", message, step)
    if free < FEW_OCTETS:
        return warning("directory.space", message, step)
    return ok("directory.space", *message)


def passphrase_files(settings: Settings) -> Iterator[Finding]:
    """The files of passphrases and PINs that the settings need."""
    for own in (settings.authority, settings.revocation):
        file = own.passphrase_file
        if own.key_store != FILE_STORE:
            pin = parse_pkcs11_uri(own.key_store).pin_source
            assert pin is not None  # the settings were checked
            file = pin
        try:
            passphrase_from(file)
        except ConfigurationError as error:
            yield from_error("passphrase", "パスフレーズを読めない", error)
        else:
            yield ok("passphrase", f"{file} を読める", f"{file} can be read")


def tokens(settings: Settings) -> Iterator[Finding]:
    """Every token that the settings name: module, presence, PIN."""
    stores = dict.fromkeys(
        (settings.authority.key_store, settings.revocation.key_store)
    )
    for store in stores:
        if store != FILE_STORE:
            yield from _token(parse_pkcs11_uri(store))


def _token(uri: PKCS11URI) -> Iterator[Finding]:
    assert uri.pin_source is not None  # the settings were checked
    try:
        from jpki.keys.pkcs11.token import Token
    except ModuleNotFoundError as error:
        yield problem(
            "token.module",
            Words(
                f"Python パッケージ {error.name} がない",
                f"the Python package {error.name} is not installed",
            ),
            Words(*("pip install 'jpki[pkcs11]'",) * 2),
        )
        return
    check, ja = "token.module", "モジュールを使えない"
    try:
        pin = passphrase_from(uri.pin_source)
        token = Token(uri, pin)
        yield ok(check, f"{uri.module_path} を使える", f"{uri.module_path} loads")
        check, ja = "token.present", "トークンがない"
        found = token.describe()
        name = f"{found.label} ({found.manufacturer} {found.model}, {found.serial})"
        yield ok(check, f"トークン {name} がある", f"token {name} is present")
        check, ja = "token.pin", "PIN を使えない"
        try:
            token.log_in()
        finally:
            token.close()
        yield ok(check, "PIN は正しい", "the PIN is right")
    except JpkiError as error:
        yield from_error(check, ja, error)


def ports(settings: Settings) -> Iterator[Finding]:
    """Where the servers listen: free, or answered by a server of ours."""
    for name, own in (
        ("ca_server", settings.authority),
        ("ocsp_crl", settings.revocation),
        ("registry_stub", settings.registry),
    ):
        if own.port:
            yield _port(name, own.host, own.port)


def _port(name: str, host: str, port: int) -> Finding:
    where = f"{host}:{port} ({name})"
    match ask_health(host, port):
        case Health.READY:
            return ok("port", f"{where} 稼働中", f"{where} is served and ready")
        case Health.NOT_READY:
            return warning(
                "port",
                Words(f"{where} 準備ができていない", f"{where} runs and is not ready"),
                Words("data/logs の記録を読む", "read its log in the folder data/logs"),
            )
        case Health.STRANGER:
            return problem(
                "port",
                Words(
                    f"{where} は別のプログラムが使っている",
                    f"{where} is taken by another program",
                ),
                Words(
                    "そのプログラムを止めるか port を変える",
                    "stop that program, or set another port",
                ),
            )
    try:
        kind = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(kind) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return problem(
            "port",
            Words(f"{where} で待ち受けられない（{reason}）", f"{where}: {reason}"),
            Words(
                "host と port を直す", "correct host and port, or who may use the port"
            ),
        )
    return ok("port", f"{where} 空き", f"{where} is free: {_START.en}")
