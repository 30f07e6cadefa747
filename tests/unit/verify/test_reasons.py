"""Codes and sentences: stable, complete, in two languages."""

from __future__ import annotations

import json
import re

import pytest

from jpki.verify import LANGUAGES, Code, Reason
from jpki.verify.refusal import Refused


@pytest.mark.parametrize("code", Code)
def test_every_code_has_a_sentence_in_each_language(code: Code) -> None:
    """Also where facts are missing; and no sentence shows a placeholder."""
    texts = {Reason(code=code).text(language) for language in LANGUAGES}
    assert len(texts) == len(LANGUAGES)
    assert not any("{" in text for text in texts)


def test_codes_are_well_formed() -> None:
    """Small letters, digits, hyphens and periods, none twice."""
    values = [code.value for code in Code]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*(\.[a-z-]+)?", text) for text in values)


def test_a_reason_is_json() -> None:
    """Code, clause, position, both sentences and the facts."""
    refusal = Refused(Code.EXPIRED, "RFC 5280 6.1.3(a)(2)", not_after="2014-10-01")
    reason = refusal.reason({"subject": "CN=x"}, 2)
    document = json.loads(json.dumps(reason.to_json()))
    assert document["code"] == "certificate.expired"
    assert document["position"] == 2
    assert "2014-10-01" in document["text"]["ja"]
    assert "CN=x" in document["text"]["en"]
