"""Why a verdict is what it is: stable codes, each with a sentence in two languages.

Programs match on `Code`; people read `Reason.text`. Both stand here and nowhere else,
so that a code without words cannot exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

__all__ = ["LANGUAGES", "Code", "Reason"]

LANGUAGES: Final = ("ja", "en")


class Code(Enum):
    """What was found. The values are part of the interface and never change."""

    VALID = "valid"

    # Paths (RFC 5280 section 6.1)
    NO_PATH = "path.none"
    TOO_LONG = "path.too-long"
    BAD_SIGNATURE = "certificate.signature"
    NOT_YET_VALID = "certificate.not-yet-valid"
    EXPIRED = "certificate.expired"
    NOT_A_CA = "certificate.not-a-ca"
    MAY_NOT_SIGN_CERTIFICATES = "certificate.key-usage"
    UNKNOWN_CRITICAL_EXTENSION = "certificate.unknown-critical-extension"
    MALFORMED_CERTIFICATE = "certificate.malformed"
    PROFILE_BROKEN = "certificate.profile"
    NAME_NOT_PERMITTED = "name-constraints.violated"
    NAME_CONSTRAINT_NOT_UNDERSTOOD = "name-constraints.not-understood"
    POLICY_NOT_ACCEPTED = "policy.not-accepted"
    POLICY_MAPPED_FROM_ANY = "policy.mapped-from-any"
    WRONG_PURPOSE = "purpose.not-allowed"
    NAME_MISMATCH = "name.mismatch"
    KEY_USAGE_MISSING = "key-usage.missing"

    # Algorithms
    ALGORITHM_NOT_ALLOWED = "algorithm.not-allowed"
    ALGORITHM_EXPIRED = "algorithm.expired"

    # Revocation (RFC 5280 section 6.3, RFC 6960)
    REVOKED = "revocation.revoked"
    NO_REVOCATION_DATA = "revocation.no-data"
    STALE_REVOCATION_DATA = "revocation.stale"
    UNUSABLE_REVOCATION_DATA = "revocation.unusable"

    # Work
    TOO_MUCH_WORK = "work.exceeded"

    # Documents
    MALFORMED_DOCUMENT = "document.malformed"
    NO_SIGNER = "document.no-signer"
    SEVERAL_SIGNERS = "document.several-signers"
    NO_SIGNER_CERTIFICATE = "document.no-signer-certificate"
    DOCUMENT_ALTERED = "document.altered"
    NO_CONTENT = "document.no-content"
    DOCUMENT_EXTENDED = "document.extended"
    NOT_COVERED = "document.not-covered"
    ALGORITHMS_DISAGREE = "document.algorithms-disagree"
    UNSUPPORTED_DOCUMENT = "document.unsupported"
    NOT_A_CITIZEN = "signer.no-basic-information"


_TEXTS: Final[Mapping[Code, tuple[str, str]]] = {
    Code.VALID: (
        "署名は有効です。",
        "The signature is valid.",
    ),
    Code.NO_PATH: (
        "信頼する認証局につながる証明書の経路がありません（{subject}）。",
        "No certification path leads to a trusted authority ({subject}).",
    ),
    Code.TOO_LONG: (
        "証明書の経路が認証局の定めた長さを超えています（{subject}）。",
        "The path is longer than an authority allows ({subject}).",
    ),
    Code.BAD_SIGNATURE: (
        "証明書の署名が正しくありません（{subject}）。",
        "The signature on a certificate is wrong ({subject}).",
    ),
    Code.NOT_YET_VALID: (
        "証明書の有効期間は{not_before}に始まります（{subject}）。",
        "The certificate is valid only from {not_before} ({subject}).",
    ),
    Code.EXPIRED: (
        "証明書の有効期間は{not_after}に満了しました（{subject}）。",
        "The certificate expired on {not_after} ({subject}).",
    ),
    Code.NOT_A_CA: (
        "認証局ではない証明書が他の証明書を発行しています（{subject}）。",
        "A certificate that is no authority's has issued another ({subject}).",
    ),
    Code.MAY_NOT_SIGN_CERTIFICATES: (
        "証明書への署名が許されていない鍵で発行されています（{subject}）。",
        "The issuer's key may not sign certificates ({subject}).",
    ),
    Code.UNKNOWN_CRITICAL_EXTENSION: (
        "解釈できない重要な拡張領域があります（{extension}、{subject}）。",
        "A critical extension is not understood ({extension}, {subject}).",
    ),
    Code.MALFORMED_CERTIFICATE: (
        "証明書の形式が正しくありません（{problem}、{subject}）。",
        "A certificate is malformed ({problem}, {subject}).",
    ),
    Code.PROFILE_BROKEN: (
        "証明書がRFC 5280の定めに反しています（{problem}、{subject}）。",
        "A certificate breaks the rules of RFC 5280 ({problem}, {subject}).",
    ),
    Code.NAME_NOT_PERMITTED: (
        "認証局に許されていない名前の証明書です（{name}、{subject}）。",
        "A name is outside what its authority may certify ({name}, {subject}).",
    ),
    Code.NAME_CONSTRAINT_NOT_UNDERSTOOD: (
        "名前の制約を判定できません（{problem}、{subject}）。",
        "A name constraint cannot be judged ({problem}, {subject}).",
    ),
    Code.POLICY_NOT_ACCEPTED: (
        "求める証明書ポリシーのもとで発行された証明書ではありません（{subject}）。",
        "The certificate was not issued under an accepted policy ({subject}).",
    ),
    Code.POLICY_MAPPED_FROM_ANY: (
        "anyPolicyを対応付ける不正なポリシーマッピングがあります（{subject}）。",
        "A policy mapping names anyPolicy, which is forbidden ({subject}).",
    ),
    Code.WRONG_PURPOSE: (
        "この用途に使える証明書ではありません（{purpose}、{subject}）。",
        "The certificate may not be used for this purpose ({purpose}, {subject}).",
    ),
    Code.NAME_MISMATCH: (
        "証明書の名前が求める名前と一致しません（{name}）。",
        "The certificate is not for the name that was asked for ({name}).",
    ),
    Code.KEY_USAGE_MISSING: (
        "電子署名に使える証明書ではありません（鍵用途 {usage} がありません）。",
        "The certificate is not for signing documents (key usage lacks {usage}).",
    ),
    Code.ALGORITHM_NOT_ALLOWED: (
        "署名アルゴリズムが認められていません（{algorithm}、{subject}）。",
        "A signature algorithm is not accepted ({algorithm}, {subject}).",
    ),
    Code.ALGORITHM_EXPIRED: (
        "署名アルゴリズム{algorithm}は{until}まで有効でした。"
        "それ以前に存在した証拠がありません（{subject}）。",
        "The signature algorithm {algorithm} was accepted until {until}; nothing "
        "proves that the signature existed by then ({subject}).",
    ),
    Code.REVOKED: (
        "証明書は{revoked_at}に失効しています（理由：{revocation_reason}、{subject}）。",
        "The certificate was revoked on {revoked_at} (reason: {revocation_reason}, "
        "{subject}).",
    ),
    Code.NO_REVOCATION_DATA: (
        "証明書が失効していないことを確認できる情報がありません（{subject}）。",
        "Nothing at hand shows that the certificate is not revoked ({subject}).",
    ),
    Code.STALE_REVOCATION_DATA: (
        "失効情報が古く、失効していないことを確認できません"
        "（{next_update}まで有効、{subject}）。",
        "The revocation data at hand is out of date (good until {next_update}, "
        "{subject}).",
    ),
    Code.UNUSABLE_REVOCATION_DATA: (
        "失効リストに解釈できない点があり、失効していないことを確認できません"
        "（{problem}、{subject}）。",
        "The revocation list at hand cannot be relied on ({problem}, {subject}).",
    ),
    Code.TOO_MUCH_WORK: (
        "検証の処理量が上限を超えました（{limit}）。",
        "Verifying would take more work than is allowed ({limit}).",
    ),
    Code.MALFORMED_DOCUMENT: (
        "署名データを読み取れません（{problem}）。",
        "The signed data cannot be read ({problem}).",
    ),
    Code.NO_SIGNER: (
        "署名がありません。",
        "There is no signature.",
    ),
    Code.SEVERAL_SIGNERS: (
        "署名が複数あります。受け付けるのは一人の署名だけです（{problem}）。",
        "There are several signers; exactly one is accepted ({problem}).",
    ),
    Code.NO_SIGNER_CERTIFICATE: (
        "署名者の証明書が署名データに含まれていません。",
        "The signer's certificate is not in the signed data.",
    ),
    Code.DOCUMENT_ALTERED: (
        "文書が署名されたものと異なるか、署名が正しくありません（{problem}）。",
        "The document is not the one that was signed, or the signature is wrong "
        "({problem}).",
    ),
    Code.NO_CONTENT: (
        "署名の対象となる文書がありません。",
        "The document that was signed is missing.",
    ),
    Code.DOCUMENT_EXTENDED: (
        "署名の後に、署名の及ばない内容が加えられています（{problem}）。",
        "Something that the signature does not cover was added after signing "
        "({problem}).",
    ),
    Code.NOT_COVERED: (
        "署名の対象が、文書として読まれる部分と異なります（{problem}）。",
        "The signature is over another part than the one that is read ({problem}).",
    ),
    Code.ALGORITHMS_DISAGREE: (
        "署名に書かれているアルゴリズムが互いに矛盾しています（{problem}）。",
        "What the signature says of its algorithms contradicts itself ({problem}).",
    ),
    Code.UNSUPPORTED_DOCUMENT: (
        "この形式の署名は検証できません（{problem}）。",
        "Signatures of this form cannot be verified here ({problem}).",
    ),
    Code.NOT_A_CITIZEN: (
        "署名者の証明書に基本4情報がありません。",
        "The signer's certificate does not carry the four identity items.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One finding: a code, where it was found, and what it is about."""

    code: Code
    clause: str | None = None
    """The step that found it, such as `RFC 5280 6.1.3(a)(2)`."""
    position: int | None = None
    """Which certificate: 1 is the one that the trust anchor issued."""
    data: Mapping[str, str] = field(default_factory=dict)
    """The facts that the sentence is built from."""

    def text(self, language: str = "ja") -> str:
        """The sentence that a person reads; `language` is one of `LANGUAGES`."""
        template = _TEXTS[self.code][LANGUAGES.index(language)]
        return template.format_map(_Facts(self.data))

    def to_json(self) -> dict[str, object]:
        """A JSON-serialisable form."""
        return {
            "code": self.code.value,
            "clause": self.clause,
            "position": self.position,
            "text": {language: self.text(language) for language in LANGUAGES},
            "data": dict(self.data),
        }


class _Facts(dict[str, str]):
    """A fact that is not known prints as a dash instead of failing."""

    def __missing__(self, key: str) -> str:
        return "–"
