"""Which language a request wants: the one it names, else the one it is written in."""

import re

NAMES: dict[str, str] = {
    "en": "english|englisch|inglés|anglais|inglese|inglês|engels|angielsk[iu]+|英語|الإنجليزية",
    "de": "german|deutsch|alemán|allemand|tedesco|alemão|duits|niemieck[iu]+|ドイツ語|الألمانية",
    "es": "spanish|spanisch|español|castellano|espagnol|spagnolo|espanhol|spaans|hiszpańsk[iu]+|スペイン語|الإسبانية",
    "fr": "french|französisch|francés|français|francese|francês|frans|francusk[iu]+|フランス語|الفرنسية",
    "it": "italian|italienisch|italiano|italien|italiaans|włosk[iu]+|イタリア語|الإيطالية",
    "pt": "portuguese|portugiesisch|portugués|portugais|portoghese|português|portugees|portugalsk[iu]+|ポルトガル語|البرتغالية",
    "nl": "dutch|niederländisch|neerlandés|néerlandais|olandese|holandês|nederlands|niderlandzk[iu]+|オランダ語|الهولندية",
    "pl": "polish|polnisch|polaco|polonais|polacco|polonês|pools|polsk[iu]+|ポーランド語|البولندية",
    "ja": "japanese|japanisch|japonés|japonais|giapponese|japonês|japans|japońsk[iu]+|日本語|اليابانية",
    "ar": "arabic|arabisch|árabe|arabe|arabo|arabsk[iu]+|アラビア語|العربية",
}
LANGUAGES = tuple(NAMES)
ANY_NAME = "|".join(NAMES.values())
ANY_CODE = "|".join(LANGUAGES)

# "locale: de", "language=de-AT", "language de-AT": a separator or a region tells a code from a word such as "it".
CODE = re.compile(
    rf"\b(?:locale|language|lang|sprache|idioma|langue|lingua|taal|język)\b[\"'`]?\s*"
    rf"(?:(?:is|ist|es|est|è|é|[:=])\s*[\"'`]?({ANY_CODE})(?:[-_][a-z]{{2,4}})*\b|[\"'`]?({ANY_CODE})[-_][a-z]{{2,4}}\b)",
    re.IGNORECASE,
)
NAMED_LANGUAGE = re.compile(
    rf"\b(?:language|sprache|idioma|langue|lingua|taal|język)\b\W{{1,4}}(?:is\s+|ist\s+)?({ANY_NAME})\b", re.IGNORECASE
)
# "Write a mail about French cheese in German": the language belongs to the verb, whatever stands between.
WRITE_IN = re.compile(
    rf"\b(?:writ\w+|answer\w*|repl\w+|respond\w*|translat\w+|generat\w+|draft\w*|compos\w+|creat\w+|output|produc\w+|text\w*|copy)\b"
    rf"[^.!?\n]{{0,160}}?\b(?:in|into|to)\s+(?:\w+\s)?({ANY_NAME})\b(?!\s+(?:market|cuisine|style|cheese|wine|food))",
    re.IGNORECASE,
)
OWN_WORDS = re.compile(
    rf"(?:\bauf\s|\ben\s|\ben\s+el\s|\bin\s+het\s|\bin\s|\bem\s|\bpo\s|\bw\s+języku\s)({ANY_NAME})\b|({ANY_NAME})で|(?:باللغة\s|ب)({ANY_NAME})",
    re.IGNORECASE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS: dict[str, frozenset[str]] = {
    "en": _words("the and for our with you your write about is are this that from of to a an in on"),
    "de": _words("der die das und für mit ein eine einen schreibe schreiben über ist unser unsere von zu den dem bitte auf im"),
    "es": _words("el la los las y para con un una escribe sobre es nuestro nuestra de del por que en correo al"),
    "fr": _words("le la les et pour avec un une écris écrivez sur est notre nos de du des que dans au aux rédige"),
    "it": _words("il lo la gli e per con un una scrivi su è nostro nostra di del della che nel alla sul i nuova"),
    "pt": _words("o a os as e para com um uma escreva sobre é nosso nossa de do da que no na ao dos novo"),
    "nl": _words("de het en voor met een schrijf over is onze ons van te dat op in aan nieuwe"),
    "pl": _words("i dla z ze na w o napisz nasz nasza nasze jest to do się od oraz nowy nowa nowej naszej"),
}
WORD = re.compile(r"[^\W\d_]+")


def wanted_language(*, instructions: str, prompt: str) -> str:
    """One of `LANGUAGES`: as a code or a name says, the prompt's before the instructions', else the prompt's own language, else English."""
    for pattern in (CODE, NAMED_LANGUAGE, WRITE_IN, OWN_WORDS):
        for text in (prompt, instructions):
            if (found := pattern.search(text)) is not None:
                return _code_of(next(group for group in found.groups() if group))
    return own_language(prompt) or own_language(instructions) or "en"


def own_language(text: str) -> str | None:
    """The language a text is written in, by script and by its small words; None where nothing speaks for one."""
    if re.search(r"[\u3040-\u30ff]", text):
        return "ja"
    if len(re.findall(r"[\u0600-\u06ff]", text)) * 3 > len(text.strip()):
        return "ar"
    words = [word.lower() for word in WORD.findall(text)]
    counted = {language: sum(word in small for word in words) for language, small in STOP_WORDS.items()}
    best = max(counted, key=lambda language: counted[language])
    return best if counted[best] > 0 else None


def _code_of(found: str) -> str:
    lowered = found.lower()
    if lowered in NAMES:
        return lowered
    return next(code for code, names in NAMES.items() if re.fullmatch(names, lowered))
