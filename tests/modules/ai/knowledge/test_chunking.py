"""Documents cut into passages: by headings and size, with overlap, the same every time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexusone.modules.ai.contracts.knowledge import DocumentKind
from nexusone.modules.ai.domain.chunking import (
    HEADING_CHARACTERS_MAX,
    OVERLAP_CHARACTERS,
    PASSAGE_CHARACTERS_MAX,
    chunks_of,
    pieces_of,
    sections_of,
)

SEPARATORS = st.lists(st.sampled_from([" ", ". ", "! ", "\n", "\n\n", ".\n\n"]), max_size=150)


def found(content: str, kind: DocumentKind) -> list[tuple[str, str]]:
    return [(section.heading, section.text) for section in sections_of(content, kind=kind)]


def test_markdown_is_cut_at_its_headings() -> None:
    content = "Before.\n# One #\nText of one.\n## Deep\n\n\n\nText  of\tdeep.\n# Two\n```sh\n# no heading\n```\n#nor this\n### Three\nEnd"
    assert found(content, "markdown") == [
        ("", "Before."),
        ("One", "Text of one."),
        ("One > Deep", "Text of deep."),
        ("Two", "```sh\n# no heading\n```\n#nor this"),
        ("Two > Three", "End"),
    ]


def test_html_is_read_for_headings_and_words() -> None:
    content = (
        "<html><head><title>T</title><style>p{}</style></head><body><p>Intro &amp; more<script>alert('x')</script></p>"
        "<h1>One <em>big</em></h1><div>a<br>b</div><ul><li>c<li>d</ul><!-- hidden --><h2>Deep</h2><p onclick='x'>e</p></body></html>"
    )
    assert found(content, "html") == [("", "Intro & more"), ("One big", "a\nb\n\nc\n\nd"), ("One big > Deep", "e")]


def test_plain_text_has_no_headings() -> None:
    assert found("# Not a heading\r\nline\r\n\r\n\r\nnext", "text") == [("", "# Not a heading\nline\n\nnext")]


def test_characters_that_nobody_sees_are_left_out() -> None:
    assert found("a\x00b\u202ec", "text") == [("", "abc")]
    assert found("<p>a&#x202e;b&#0;</p>", "html")[0][1].startswith("ab")


@pytest.mark.parametrize("kind", ["text", "markdown", "html"])
def test_a_document_without_words_has_no_passages(kind: DocumentKind) -> None:
    assert chunks_of(" \n\t\n", kind=kind) == ()


def test_passages_end_where_it_hurts_least_and_begin_with_the_end_of_the_one_before() -> None:
    sentence = "The engine computes a table of logarithms by the method of differences. "
    chunks = chunks_of(sentence * 60, kind="text")
    assert len(chunks) > 2
    assert all(chunk.text.endswith(".") for chunk in chunks)
    for before, after in pairwise(chunks):
        shared = next(size for size in range(OVERLAP_CHARACTERS, 0, -1) if before.text.endswith(after.text[:size]))
        assert shared > OVERLAP_CHARACTERS // 2


@given(SEPARATORS, st.integers(20, 80), st.integers(0, 9))
def test_no_word_is_lost_or_cut_and_none_comes_back_beyond_the_overlap(separators: list[str], size: int, overlap: int) -> None:
    text = "".join(f"w{number}{separator}" for number, separator in enumerate(separators))
    pieces = list(pieces_of(text, size=size, overlap=overlap))
    following = 0
    for piece in pieces:
        assert 0 < len(piece) <= size
        numbers = [int(word[1:].rstrip(".!")) for word in piece.split()]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        # A word has two characters at least, and a space before it.
        assert following - (overlap + 1) // 2 <= numbers[0] <= following < numbers[-1] + 1
        following = numbers[-1] + 1
    assert following == len(separators)


def test_a_word_without_end_is_cut() -> None:
    assert list(pieces_of("x" * 50, size=20, overlap=5)) == ["x" * 20, "x" * 20, "x" * 10]


@given(st.text(max_size=4_000), st.sampled_from(["text", "markdown", "html"]))
def test_any_document_gives_the_same_bounded_passages_every_time(content: str, kind: DocumentKind) -> None:
    chunks = chunks_of(content, kind=kind)
    assert chunks == chunks_of(content, kind=kind)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    for chunk in chunks:
        assert chunk.text.strip() and len(chunk.text) <= PASSAGE_CHARACTERS_MAX and len(chunk.heading) <= HEADING_CHARACTERS_MAX
        assert "\x00" not in chunk.embedded_text
        chunk.embedded_text.encode()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("# a" + " " * 400_000 + "b", "markdown"),
        ("# " + " #" * 200_000 + "x", "markdown"),
        ("\n \n" * 150_000 + "x", "text"),
        ("x" * 500_000, "text"),
        ("<a" * 200_000, "html"),
        ("<!--" * 100_000, "html"),
        ("<div>" * 20_000 + "x", "html"),
        ("&#" * 200_000, "html"),
    ],
)
def test_a_document_made_to_take_long_is_read_like_any_other(content: str, kind: DocumentKind) -> None:
    assert chunks_of(content, kind=kind) == chunks_of(content, kind=kind)
