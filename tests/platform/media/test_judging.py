"""API-17: files are what their bytes say, within bounds, and nothing of them is kept but what they show or sound like."""

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from tests.platform.media.bad_files import CARRIERS, LIMITS, REFUSED, SECRET, with_exif

from nexusone.platform.media.bounds import MediaRefused
from nexusone.platform.media.formats import FORMATS, GIF, JPEG, PNG, WEBP, format_of
from nexusone.platform.media.images import resized
from nexusone.platform.media.judging import judged, known_format
from nexusone.platform.media.streams import poster
from nexusone.platform.media.waveforms import as_image, as_svg, peaks_of
from nexusone.platform.media.workroom import in_workroom
from nexusone.web.simulation.files import film, picture, speech


def saved(image: Image.Image, codec: str, **options: Any) -> bytes:
    kept = io.BytesIO()
    image.save(kept, codec, **options)
    return kept.getvalue()


def shown(content: bytes) -> Image.Image:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return image.copy()


@pytest.mark.parametrize("name", REFUSED)
def test_api_17_a_file_that_means_no_good_is_refused(name: str) -> None:
    make, reason = REFUSED[name]
    with pytest.raises(MediaRefused) as refused:
        judged(make(), LIMITS)
    assert refused.value.reason == reason


@pytest.mark.parametrize("name", CARRIERS)
def test_api_17_what_travels_along_in_a_sound_file_stays_behind(name: str) -> None:
    make, payload = CARRIERS[name]
    content = make()
    assert payload in content
    made = judged(content, LIMITS)
    assert payload not in made.content
    assert judged(made.content, LIMITS).format == made.format


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_a_picture_keeps_its_size_and_its_looks(media_type: str) -> None:
    content = picture("a lamp", width=120, height=80, media_type=media_type)
    made = judged(content, LIMITS)
    assert (made.format.media_type, made.width, made.height, made.duration_ms) == (media_type, 120, 80, None)
    was, now = shown(content).convert("RGB"), shown(made.content).convert("RGB")
    middle, after = was.getpixel((60, 40)), now.getpixel((60, 40))
    assert isinstance(middle, tuple) and isinstance(after, tuple)
    assert max(abs(one - other) for one, other in zip(middle, after, strict=True)) < 24


@pytest.mark.parametrize("media_type", ["audio/mpeg", "audio/wav"])
def test_a_sound_is_measured_by_its_samples(media_type: str) -> None:
    made = judged(speech("five words take two seconds", media_type=media_type), LIMITS)
    assert (made.format.media_type, made.width) == (media_type, None)
    assert made.duration_ms is not None and abs(made.duration_ms - 2_000) < 120


def test_a_film_is_measured_by_its_packets() -> None:
    made = judged(film("x", seconds=2, width=64, height=48), LIMITS)
    assert (made.format.media_type, made.width, made.height) == ("video/mp4", 64, 48)
    assert made.duration_ms is not None and abs(made.duration_ms - 2_000) < 120


def test_what_is_judged_again_stays_the_same_kind_of_file() -> None:
    once = judged(film("x", seconds=1, width=64, height=48), LIMITS)
    again = judged(once.content, LIMITS)
    assert (again.width, again.height, again.duration_ms) == (once.width, once.height, once.duration_ms)


def test_a_file_of_another_kind_than_wanted_is_refused() -> None:
    with pytest.raises(MediaRefused) as refused:
        judged(picture("x", width=4, height=4), LIMITS, kind="audio")
    assert refused.value.reason == "other_kind"


@pytest.mark.parametrize("codec", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_lay_on_its_side_stands_up(codec: str) -> None:
    made = judged(with_exif(codec), LIMITS)
    assert (made.width, made.height) == (40, 60)
    assert not shown(made.content).getexif()


@pytest.mark.parametrize(
    ("mode", "codec", "kept"),
    [
        ("1", "PNG", "RGB"),
        ("L", "PNG", "RGB"),
        ("LA", "PNG", "RGBA"),
        ("P", "PNG", "RGB"),
        ("I;16", "PNG", "RGB"),
        ("RGBA", "PNG", "RGBA"),
        ("CMYK", "JPEG", "RGB"),
        ("L", "JPEG", "L"),
        ("P", "GIF", "RGB"),
        ("RGBA", "WEBP", "RGBA"),
    ],
)
def test_odd_kinds_of_pixels_become_plain_ones(mode: str, codec: str, kept: str) -> None:
    made = judged(saved(Image.new(mode, (9, 7)), codec), LIMITS)
    image = shown(made.content)
    assert (image.width, image.height) == (9, 7)
    assert image.mode in (kept, "P")


def test_sixteen_bits_of_grey_keep_their_brightness() -> None:
    made = judged(saved(Image.new("I;16", (4, 4), 32_768), "PNG"), LIMITS)
    assert shown(made.content).convert("L").getpixel((1, 1)) in (127, 128)


def test_colours_of_another_space_are_translated() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = judged(saved(Image.new("RGB", (4, 4), (200, 30, 90)), "PNG", icc_profile=profile), LIMITS)
    image = shown(made.content)
    assert "icc_profile" not in image.info
    assert image.convert("RGB").getpixel((0, 0)) == (200, 30, 90)


@pytest.mark.parametrize("kind", [GIF, PNG, WEBP])
def test_an_animation_stays_one(kind: Any) -> None:
    frames = [Image.new("RGB", (12, 8), (number * 60, 0, 200)) for number in range(4)]
    content = saved(frames[0], kind.codec, save_all=True, append_images=frames[1:], duration=70, loop=0)
    with Image.open(io.BytesIO(judged(content, LIMITS).content)) as image:
        assert getattr(image, "n_frames", 1) == 4


def test_a_box_is_not_left_and_nothing_grows() -> None:
    content = picture("x", width=400, height=200)
    sizes = {
        (100, None, "contain"): (100, 50),
        (None, 100, "contain"): (200, 100),
        (100, 100, "contain"): (100, 50),
        (100, 100, "cover"): (100, 100),
        (None, None, "contain"): (400, 200),
        (4_000, 4_000, "contain"): (400, 200),
        (4_000, 4_000, "cover"): (200, 200),
    }
    for (width, height, fit), size in sizes.items():
        made = resized(content, PNG, to=WEBP, width=width, height=height, fit=fit, limits=LIMITS)  # type: ignore[arg-type]
        assert (made.width, made.height) == size, (width, height, fit)
        assert shown(made.content).size == size


def test_what_shines_through_stands_on_white_where_nothing_can() -> None:
    made = resized(saved(Image.new("RGBA", (4, 4)), "PNG"), PNG, to=JPEG, width=None, height=None, fit="contain", limits=LIMITS)
    assert shown(made.content).getpixel((0, 0)) == (255, 255, 255)


def test_a_film_shows_a_picture_at_a_time() -> None:
    content = film("x", seconds=2, width=64, height=48)
    assert poster(content, FORMATS["video/mp4"], at_ms=0, limits=LIMITS).size == (64, 48)
    assert poster(content, FORMATS["video/mp4"], at_ms=1_500, limits=LIMITS).size == (64, 48)
    assert poster(content, FORMATS["video/mp4"], at_ms=99_000, limits=LIMITS).size == (64, 48)


@pytest.mark.parametrize("media_type", ["audio/mpeg", "audio/wav"])
def test_peaks_say_how_loud_it_is(media_type: str) -> None:
    found = peaks_of(speech("one two three", media_type=media_type), FORMATS[media_type], count=40, limits=LIMITS)
    assert len(found) == 40
    assert 0.1 < max(found) < 0.3
    assert all(0 <= peak <= 1 for peak in found)


def test_peaks_are_drawn() -> None:
    svg = as_svg([0.0, 0.5, 1.0], width=30, height=10).decode()
    assert svg.count("<rect") == 3
    assert 'height="10"/>' in svg
    assert as_image([0.0, 0.5, 1.0], width=30, height=10).size == (30, 10)


@pytest.mark.parametrize("media_type", sorted(FORMATS))
def test_every_format_is_known_by_its_bytes(media_type: str) -> None:
    known = FORMATS[media_type]
    if known is GIF:
        content = saved(Image.new("P", (2, 2)), "GIF")
    elif known.kind == "image":
        content = picture("x", width=8, height=8, media_type=media_type)
    else:
        content = speech("hi", media_type=media_type) if known.kind == "audio" else film("x", seconds=0.5, width=16, height=16)
    assert known_format(content) is known


@settings(max_examples=60)
@given(st.sampled_from(sorted(FORMATS)), st.integers(0, 10**6), st.binary(min_size=1, max_size=40), st.booleans())
def test_a_damaged_file_is_taken_or_refused_and_never_a_fault(media_type: str, at: int, noise: bytes, is_cut: bool) -> None:
    content = _sound_file(media_type)
    place = at % len(content)
    damaged = content[:place] + noise + (b"" if is_cut else content[place + len(noise) :])
    try:
        made = judged(damaged, LIMITS)
    except MediaRefused:
        return
    assert format_of(made.content) is not None


def _sound_file(media_type: str) -> bytes:
    if media_type == "image/gif":
        return saved(Image.new("P", (20, 20)), "GIF")
    if media_type.startswith("image/"):
        return picture("x", width=40, height=40, media_type=media_type)
    return speech("hi there", media_type=media_type) if media_type.startswith("audio/") else film("x", seconds=0.5, width=16, height=16)


async def test_work_is_done_beside_the_loop() -> None:
    made = await in_workroom(judged, picture("x", width=10, height=10), LIMITS, kind="image")
    assert made.width == 10
    assert SECRET.encode() not in made.content


def test_api_17_a_film_that_is_larger_than_its_file_says_is_refused() -> None:
    content = bytearray(film("x", seconds=0.3, width=2_560, height=2_560))
    # Wherever the boxes of the file name the size, they name a smaller one; the stream itself goes on naming the large one.
    for large, small in ((2_560).to_bytes(2), (64).to_bytes(2)), ((2_560 << 16).to_bytes(4), (64 << 16).to_bytes(4)):
        content = content.replace(large * 2, small * 2)
    with pytest.raises(MediaRefused):
        judged(bytes(content), LIMITS)
