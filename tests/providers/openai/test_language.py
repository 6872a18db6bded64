"""The simulator answers in the language that was asked for, about what was asked."""

import re

import pytest

from nexusone.providers.openai.simulation.brief import brief_of
from nexusone.providers.openai.simulation.copywriter import Copywriter
from nexusone.providers.openai.simulation.language import LANGUAGES, wanted_language
from nexusone.providers.openai.simulation.phrases import phrases_of

SMALL_WORDS: dict[str, set[str]] = {
    "en": {"the", "and", "you", "your", "for", "to"},
    "de": {"und", "die", "der", "für", "ist", "sie", "von", "mit"},
    "es": {"y", "el", "la", "para", "tu", "con", "los", "que"},
    "fr": {"et", "le", "la", "pour", "vous", "de", "les", "des"},
    "it": {"e", "il", "la", "per", "di", "che", "con", "tuo"},
    "pt": {"e", "o", "a", "para", "você", "de", "com", "que"},
    "nl": {"en", "de", "het", "voor", "je", "van", "een", "dat"},
    "pl": {"i", "na", "do", "z", "nie", "jest", "się", "co", "ciebie", "od"},
}


@pytest.mark.parametrize(
    ("instructions", "prompt", "language"),
    [
        ("Write in German.", "A mail about tea", "de"),
        ("You write copy. locale: de", "A mail about tea", "de"),
        ("", 'Use {"locale": "pt-BR"} for the mail', "pt"),
        ("Answer for language de-AT please", "A mail about tea", "de"),
        ("language=ja", "A mail about tea", "ja"),
        ("Language: Polish", "A mail about tea", "pl"),
        ("", "Write a mail about French cheese in Dutch", "nl"),
        ("", "Write a mail about our Italian shoes", "en"),
        ("", "Translate the following mail from English into Spanish: hello", "es"),
        ("", "Bitte auf Deutsch: a mail about tea", "de"),
        ("", "Un correo sobre té, en español", "es"),
        ("", "日本語でお願いします: tea", "ja"),
        ("", "رسالة باللغة العربية about tea", "ar"),
        ("You are a helpful writer for the shop.", "Schreibe eine Mail über unseren Tee", "de"),
        ("You are a helpful writer.", "Écris un mail sur notre thé pour les clients", "fr"),
        ("You are a helpful writer.", "Escribe un correo sobre nuestro té para los clientes", "es"),
        ("You are a helpful writer.", "Scrivi una mail su il nostro tè per i clienti", "it"),
        ("You are a helpful writer.", "Escreva um e-mail sobre o nosso chá para os clientes", "pt"),
        ("You are a helpful writer.", "Schrijf een mail over onze thee voor de klanten", "nl"),
        ("You are a helpful writer.", "Napisz mail dla klientów o naszej herbacie", "pl"),
        ("You are a helpful writer.", "新しいお茶のメールを書いてください", "ja"),
        ("You are a helpful writer.", "اكتب رسالة عن الشاي الجديد", "ar"),
        ("", "", "en"),
        ("Write in Klingon.", "12345", "en"),
        ("Write in German.", "locale: fr", "fr"),
        ("Our language it should be is kept simple.", "Write the mail", "en"),
    ],
)
def test_the_wanted_language_is_read_from_the_request(instructions: str, prompt: str, language: str) -> None:
    assert wanted_language(instructions=instructions, prompt=prompt) == language


@pytest.mark.parametrize("language", sorted(SMALL_WORDS))
def test_a_text_is_really_in_its_language(language: str) -> None:
    text = Copywriter(brief_of(instructions=f"locale: {language}", prompt="Write a mail about Xylo")).text().lower()
    words = re.findall(r"[^\W\d_]+", text)
    counted = {other: sum(word in small for word in words) for other, small in SMALL_WORDS.items()}
    assert counted[language] == max(counted.values())
    assert counted[language] >= 4


@pytest.mark.parametrize(("language", "letters"), [("ja", r"[\u3040-\u30ff\u4e00-\u9fff]"), ("ar", r"[\u0600-\u06ff]")])
def test_a_text_is_really_in_its_script(language: str, letters: str) -> None:
    text = Copywriter(brief_of(instructions=f"locale: {language}", prompt="Write a mail about Xylo")).text()
    assert len(re.findall(letters, text)) > len(text) / 2


def test_every_language_says_the_same_kinds_of_things_in_as_many_ways() -> None:
    counts = [{kind: len(said) for kind, said in phrases_of(language).items()} for language in LANGUAGES]
    assert all(count == counts[0] for count in counts)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_can_be_filled(language: str) -> None:
    writer = Copywriter(brief_of(instructions=f"locale: {language}", prompt="Mail about Xylo, 5% off, {{ first_name }} {{ code }}"))
    for kind, said in phrases_of(language).items():
        for variant in range(len(said)):
            filled = writer.say(kind, variant=variant)
            assert "{" not in filled.replace("{{ first_name }}", "").replace("{{ code }}", "")


@pytest.mark.parametrize(
    ("prompt", "topic"),
    [
        ("Product: Solar Lamp", "Solar Lamp"),
        ('{"product": "Solar Lamp", "tone": "warm"}', "Solar Lamp"),
        ("Write a mail about our new Solar Lamp for loyal customers.", "new Solar Lamp"),
        ('Announce "Solar Lamp" to everybody', "Solar Lamp"),
        ("Thema: Sommerfest\nTon: locker", "Sommerfest"),
        ("Schreibe über unsere Herbstkollektion und die Preise", "Herbstkollektion"),
        ("新しい「さくら茶」を紹介して", "さくら茶"),
        ("Write a subject line", "something new"),
    ],
)
def test_the_topic_is_picked_up(prompt: str, topic: str) -> None:
    assert brief_of(instructions="", prompt=prompt).topic == topic


def test_brand_address_offer_and_placeholders_are_picked_up() -> None:
    brief = brief_of(
        instructions="Brand: Lumen & Sons; keep {{ contact.first_name }}",
        prompt="Mail about lamps, 20 % off until Sunday, see https://lamp.example/sale. Use {{ coupon }} and {{ coupon }}.",
    )
    assert brief.brand == "Lumen & Sons"
    assert brief.url == "https://lamp.example/sale"
    assert brief.offer == "20 %"
    assert brief.placeholders == ("{{ contact.first_name }}", "{{ coupon }}")


@pytest.mark.parametrize(
    ("prompt", "lines"),
    [("Write 5 subject lines about tea", 5), ("Write a subject line about tea", 1), ("Give me 3 catchy headlines about tea", 3)],
)
def test_as_many_lines_are_written_as_were_asked_for(prompt: str, lines: int) -> None:
    written = Copywriter(brief_of(instructions="", prompt=prompt)).text().splitlines()
    assert len(written) == lines == len(set(written))


def test_a_short_message_is_short_and_carries_the_address() -> None:
    text = Copywriter(brief_of(instructions="", prompt="Write an SMS about tea, https://t.example/x")).text()
    assert "https://t.example/x" in text
    assert len(text) < 160
