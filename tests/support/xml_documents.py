"""XML documents to sign, and keys with certificates of each suite that XML names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from jpki.documents.signature import Content
from jpki.documents.xml.check import check_xml
from jpki.documents.xml.reading import Element, written
from jpki.errors import DocumentError, DocumentFault
from jpki.keys.software import PrivateKey, SoftwareSigner, generate_private_key
from jpki.model.suites import suite
from tests.support.cards import certificate

__all__ = [
    "DOCUMENT",
    "FILES",
    "FORM",
    "SUITES",
    "XMLSigner",
    "fault",
    "octets",
    "xml_signer",
]

SUITES: Final = ("rsa1024-sha1", "rsa2048-sha256", "p256-sha256", "p384-sha384")
DOCUMENT: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<申請 xmlns="urn:example:form" xmlns:p="urn:example:other" xml:lang="ja" ID="form">
  <!-- 様式第一号 -->
  <氏名 p:読み='ハナコ'>髙橋　花子</氏名>\t
  <住所><![CDATA[東京都 & 清瀬市]]></住所><p:空/>
</申請>
""".encode()
FORM: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<?xml-stylesheet href="999000000000000001.xsl" type="text/xsl"?>
<DataRoot>
  <様式ID>999000000000000001</様式ID>
  <様式バージョン>0001</様式バージョン>
  <STYLESHEET>999000000000000001.xsl</STYLESHEET>
  <構成情報 ID="構成情報">
    <管理情報><申請者情報><氏名>髙橋　花子</氏名></申請者情報></管理情報>
    <添付書類属性情報>
      <添付書類ファイル名称>委任状 1.pdf</添付書類ファイル名称>
    </添付書類属性情報>
    <申請書属性情報><申請書ファイル名称>form_01.xml</申請書ファイル名称></申請書属性情報>
  </構成情報>
  <その他/>
</DataRoot>
""".encode()
FILES: Final = {"form_01.xml": DOCUMENT, "委任状 1.pdf": b"%PDF-1.7\r\n\x00\xff"}


@dataclass(frozen=True, kw_only=True)
class XMLSigner:
    """A key that other programs can have too, and a plain certificate for it."""

    key: SoftwareSigner
    private_key: PrivateKey
    certificate: bytes

    @property
    def pkcs8(self) -> bytes:
        """The private key for a program that has no other way, PKCS #8 DER."""
        return self.private_key.private_bytes(
            Encoding.DER, PrivateFormat.PKCS8, NoEncryption()
        )

    @property
    def pkcs8_pem(self) -> bytes:
        """The same, PEM."""
        return self.private_key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )


@cache
def xml_signer(suite_id: str = "p256-sha256", name: str = "Signer") -> XMLSigner:
    """The signer of this suite and name; one for the whole test run."""
    private = generate_private_key(suite(suite_id))
    key = SoftwareSigner(private, suite(suite_id))
    return XMLSigner(
        key=key,
        private_key=private,
        certificate=certificate(key.public_key, key, name),
    )


def fault(document: bytes, content: Content = None) -> DocumentFault:
    """Why a document is refused; a test fails where it is not."""
    try:
        check_xml(document, content)
    except DocumentError as error:
        return error.fault
    raise AssertionError("it was accepted")


def octets(root: Element) -> bytes:
    """A document with this root."""
    return written(root.getroottree())
