"""Whose program is at the other end of a connection on this machine.

Loopback is shared by all users of a machine, and an address that is given to a browser
stands in its command line, which others can read. Linux says in /proc/net/tcp which
user a socket belongs to.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["user_of_peer"]

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOOPBACK: Final = (
    "0100007F",
    "00000000000000000000000001000000",
    "0000000000000000FFFF00000100007F",
)
"""127.0.0.1, ::1, and the first as an IPv6 socket has it; in the kernel's spelling."""
_ESTABLISHED: Final = "01"


def user_of_peer(peer_port: int, own_port: int) -> int | None:
    """The user's number; None where no such connection is known.

    Args:
        peer_port: the other end of the connection.
        own_port: this end of it.
    """
    ends = f":{peer_port:04X}", f":{own_port:04X}"
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            local, remote, state, *_, uid = line.split(maxsplit=8)[1:8]
            if (
                local.endswith(ends[0])
                and remote.endswith(ends[1])
                and local.startswith(_LOOPBACK)
                and state == _ESTABLISHED
            ):
                return int(uid)
    return None
