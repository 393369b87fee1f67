from __future__ import annotations

import zipfile
from io import BytesIO

import pytest

from tools.page_encoding import NotText, page_text

JAPANESE = "<p>スタートアップのための顧客管理とは何か、どう選ぶか</p>"


@pytest.mark.parametrize(
    ("body", "charset", "text"),
    [
        ("<p>é</p>".encode(), "utf-8", "<p>é</p>"),
        ("<p>é</p>".encode(), "", "<p>é</p>"),
        ("<p>é €</p>".encode("cp1252"), "iso-8859-1", "<p>é €</p>"),
        (JAPANESE.encode("shift_jis"), "Shift_JIS", JAPANESE),
        (JAPANESE.encode("euc_jp"), "EUC-JP", JAPANESE),
        (JAPANESE.encode("utf-16"), "", JAPANESE),
        (JAPANESE.encode("utf-8-sig"), "latin-1", JAPANESE),
        (JAPANESE.encode("utf-8"), "no-such-charset", JAPANESE),
        (b"<p>plain</p>", "punycode", "<p>plain</p>"),
        (b"<p>plain</p>", "zlib", "<p>plain</p>"),
        (b'<?xml version="1.0" encoding="iso-8859-1"?><p>\xe9</p>', "", None),
        (b'<meta charset="windows-1252"><p>\xe9</p>', "", None),
        (b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>\xe9</p>', "", None),
        (b'<meta charset="utf-16"><p>\xc3\xa9</p>', "", None),
    ],
)
def test_a_page_is_decoded(body: bytes, charset: str, text: str | None) -> None:
    decoded = page_text(body, charset)
    assert decoded == text if text is not None else decoded.endswith("<p>é</p>")


def test_a_wrong_declaration_gives_way_to_what_the_bytes_say() -> None:
    page = "<html><body>" + JAPANESE * 40
    assert page_text(page.encode("shift_jis"), "utf-8") == page


def test_a_single_bad_byte_does_not_overturn_a_declaration() -> None:
    assert page_text("<p>Größe</p>".encode() * 40 + b"\xff", "utf-8").startswith("<p>Größe</p>")


def zipped() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "b")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "body", [b"<html>\x00\x01\x02", b"%PDF-1.7 text", zipped(), b"\x89PNG\r\n", b"a" * 9000 + b"\0"]
)
def test_binary_content_is_noticed(body: bytes) -> None:
    with pytest.raises(NotText, match="binary content"):
        page_text(body, "utf-8")
