"""What a refusal by a server must be."""

from __future__ import annotations

from typing import Any

from tests.support.installation import Reply

__all__ = ["problem"]


def problem(reply: Reply, status: int, code: str) -> dict[str, Any]:
    """The problem document (RFC 9457) that the reply must be."""
    assert (reply.status, reply.document.get("code")) == (status, code)
    document = reply.document
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["cache-control"] == "no-store"
    assert document["status"] == status
    assert document["type"].endswith(f":problem/{code}")
    assert document["title"]
    for inside in (b"Traceback", b'File "', b"/jpki/", b"sqlite"):
        assert inside not in reply.body
    return document
