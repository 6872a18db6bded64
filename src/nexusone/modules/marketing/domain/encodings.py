"""Transfer encodings that can be put together from pieces.

Quoted-printable: every piece begins and ends at the start of a line (a soft break where the text has none), so encoded pieces
join without looking at each other. Base64: pieces stay plain and the whole is encoded.
"""

import re
from binascii import b2a_base64, b2a_qp

SAFE = re.compile(rb"[!-<>-~](?:[ !-<>-~]*[!-<>-~])?")
LINE_BYTES = 75
BASE64_LINE = 76


def normalised(text: str) -> str:
    """Text whose lines end in `\\n`."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def quoted_printable(text: str) -> bytes:
    """A piece of quoted-printable that starts and ends at the beginning of a line; nothing for nothing."""
    data = normalised(text).encode("utf-8", "replace")
    if SAFE.fullmatch(data):
        if len(data) <= LINE_BYTES:
            return data + b"=\r\n"
        return b"".join([data[start : start + LINE_BYTES] + b"=\r\n" for start in range(0, len(data), LINE_BYTES)])
    if not data:
        return b""
    encoded = b2a_qp(data, istext=True).replace(b"\n", b"\r\n")
    return encoded if data.endswith(b"\n") else encoded + b"=\r\n"


def plain(text: str) -> bytes:
    """A piece of a part that is encoded as a whole, with the line ends that mail has."""
    return normalised(text).replace("\n", "\r\n").encode("utf-8", "replace")


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76 characters."""
    encoded = b2a_base64(data, newline=False)
    return b"\r\n".join([encoded[start : start + BASE64_LINE] for start in range(0, len(encoded), BASE64_LINE)]) + b"\r\n"


def is_smaller_in_base64(source: str) -> bool:
    """Whether a text, mostly not ASCII, takes less room in base64."""
    data = source.encode("utf-8", "replace")
    return len(b2a_qp(data, istext=True)) > len(data) * 4 // 3
