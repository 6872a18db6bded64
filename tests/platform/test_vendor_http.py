"""Forms with files, as any reader of forms reads them."""

from collections.abc import AsyncGenerator

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartParser

from nexusone.platform.vendor_http import Part, multipart

NAMES = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'), min_size=1, max_size=30)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


async def read(content_type: str, raw: bytes) -> dict[str, tuple[str, str, bytes] | str]:
    async def stream() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(raw), 7):
            yield raw[start : start + 7]

    form = await MultiPartParser(Headers({"content-type": content_type}), stream()).parse()
    found: dict[str, tuple[str, str, bytes] | str] = {}
    for name, value in form.multi_items():
        found[name] = (value.filename or "", value.content_type or "", await value.read()) if isinstance(value, UploadFile) else value
    await form.close()
    return found


@given(NAMES, NAMES, st.binary(max_size=500), st.dictionaries(NAMES, TEXTS, max_size=3))
async def test_a_form_is_read_as_it_was_written(name: str, filename: str, content: bytes, fields: dict[str, str]) -> None:
    fields.pop(name, None)
    found = await read(*multipart((Part(name, filename, "image/png", content),), fields))
    assert found == {**fields, name: (filename, "image/png", content)}


async def test_several_files_keep_their_places() -> None:
    parts = (Part("a", "a.jpg", "image/jpeg", b"\r\n--x\r\n"), Part("b", "b.wav", "audio/wav", b""))
    assert await read(*multipart(parts, {})) == {"a": ("a.jpg", "image/jpeg", b"\r\n--x\r\n"), "b": ("b.wav", "audio/wav", b"")}


async def test_a_name_cannot_write_headers_of_its_own() -> None:
    hostile = 'x"\r\nContent-Type: text/html\r\n\r\n<script>'
    found = await read(*multipart((Part("file", hostile, "image/png\r\nX-Evil: 1", b"content"),), {}))
    assert list(found) == ["file"]
    assert found["file"] == ("x%22%0D%0AContent-Type: text/html%0D%0A%0D%0A<script>", "image/pngX-Evil: 1", b"content")
