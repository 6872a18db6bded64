"""The unsubscribe page as HTML: no script, nothing loaded from anywhere, every value escaped, in the languages NexusOne speaks."""

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape
from typing import Literal, NamedTuple

from nexusone.kernel.locale import is_right_to_left

Step = Literal["ask", "done", "invalid"]


class Words(NamedTuple):
    """The texts of one language; `{sender}` in them is who sent the mail."""

    title: str
    question: str
    question_nameless: str
    button: str
    done_title: str
    done: str
    invalid_title: str
    invalid: str


LANGUAGES: dict[str, Words] = {
    "en": Words(
        "Unsubscribe",
        "Do you want to stop receiving e-mails from {sender}?",
        "Do you want to stop receiving these e-mails?",
        "Unsubscribe",
        "You are unsubscribed",
        "You will not receive any more of these e-mails. You can close this page.",
        "This link does not work",
        "The address is incomplete or wrong. Please open the link in the e-mail again.",
    ),
    "de": Words(
        "Abmelden",
        "Möchten Sie keine E-Mails von {sender} mehr erhalten?",
        "Möchten Sie diese E-Mails nicht mehr erhalten?",
        "Abmelden",
        "Sie sind abgemeldet",
        "Sie erhalten diese E-Mails nicht mehr. Sie können diese Seite schließen.",
        "Dieser Link funktioniert nicht",
        "Die Adresse ist unvollständig oder falsch. Bitte öffnen Sie den Link in der E-Mail noch einmal.",
    ),
    "es": Words(
        "Darse de baja",
        "¿Quiere dejar de recibir correos de {sender}?",
        "¿Quiere dejar de recibir estos correos?",
        "Darme de baja",
        "Se ha dado de baja",
        "Ya no recibirá más correos de este tipo. Puede cerrar esta página.",
        "Este enlace no funciona",
        "La dirección está incompleta o es incorrecta. Abra de nuevo el enlace del correo.",
    ),
    "fr": Words(
        "Se désabonner",
        "Souhaitez-vous ne plus recevoir d’e-mails de {sender} ?",
        "Souhaitez-vous ne plus recevoir ces e-mails ?",
        "Me désabonner",
        "Vous êtes désabonné(e)",
        "Vous ne recevrez plus ces e-mails. Vous pouvez fermer cette page.",
        "Ce lien ne fonctionne pas",
        "L’adresse est incomplète ou erronée. Veuillez rouvrir le lien dans l’e-mail.",
    ),
    "it": Words(
        "Annulla l’iscrizione",
        "Vuole smettere di ricevere e-mail da {sender}?",
        "Vuole smettere di ricevere queste e-mail?",
        "Annulla l’iscrizione",
        "Iscrizione annullata",
        "Non riceverà più queste e-mail. Può chiudere questa pagina.",
        "Questo link non funziona",
        "L’indirizzo è incompleto o errato. Apra di nuovo il link nell’e-mail.",
    ),
    "pt": Words(
        "Cancelar subscrição",
        "Quer deixar de receber e-mails de {sender}?",
        "Quer deixar de receber estes e-mails?",
        "Cancelar subscrição",
        "Subscrição cancelada",
        "Não receberá mais estes e-mails. Pode fechar esta página.",
        "Esta ligação não funciona",
        "O endereço está incompleto ou errado. Abra novamente a ligação do e-mail.",
    ),
    "nl": Words(
        "Uitschrijven",
        "Wilt u geen e-mails van {sender} meer ontvangen?",
        "Wilt u deze e-mails niet meer ontvangen?",
        "Uitschrijven",
        "U bent uitgeschreven",
        "U ontvangt deze e-mails niet meer. U kunt deze pagina sluiten.",
        "Deze link werkt niet",
        "Het adres is onvolledig of onjuist. Open de link in de e-mail opnieuw.",
    ),
    "pl": Words(
        "Rezygnacja z subskrypcji",
        "Czy chcesz zrezygnować z e-maili od nadawcy {sender}?",
        "Czy chcesz zrezygnować z tych e-maili?",
        "Wypisz mnie",
        "Subskrypcja anulowana",
        "Nie otrzymasz więcej takich e-maili. Możesz zamknąć tę stronę.",
        "Ten link nie działa",
        "Adres jest niepełny lub błędny. Otwórz ponownie link z e-maila.",
    ),
    "ja": Words(
        "配信停止",
        "{sender} からのメールの配信を停止しますか？",
        "このメールの配信を停止しますか？",
        "配信を停止する",
        "配信を停止しました",
        "今後このメールは届きません。このページを閉じてかまいません。",
        "このリンクは無効です",
        "アドレスが不完全か、正しくありません。メール内のリンクをもう一度開いてください。",
    ),
    "ar": Words(
        "إلغاء الاشتراك",
        "هل تريد التوقف عن تلقي الرسائل من {sender}؟",
        "هل تريد التوقف عن تلقي هذه الرسائل؟",
        "إلغاء الاشتراك",
        "تم إلغاء اشتراكك",
        "لن تصلك هذه الرسائل بعد الآن. يمكنك إغلاق هذه الصفحة.",
        "هذا الرابط لا يعمل",
        "العنوان ناقص أو غير صحيح. يُرجى فتح الرابط من الرسالة مرة أخرى.",
    ),
}

STYLE = (
    ":root{color-scheme:light dark;--back:#f4f5f7;--card:#fff;--text:#1c2230;--soft:#4b5565;--act:#1d4ed8;--on:#fff;--line:#dfe3ea}"
    "@media(prefers-color-scheme:dark){"
    ":root{--back:#10131a;--card:#1a1f2b;--text:#eef1f7;--soft:#b3bccb;--act:#8fb4ff;--on:#0b1220;--line:#2c3444}}"
    "*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}"
    "body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:1.5rem;background:var(--back);"
    "color:var(--text);font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans Arabic',sans-serif}"
    "main{width:100%;max-width:30rem;padding:2.5rem 2rem;background:var(--card);border:1px solid var(--line);border-radius:1rem;"
    "text-align:center}"
    "h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.3;text-wrap:balance}"
    "p{margin:0;color:var(--soft);overflow-wrap:anywhere;text-wrap:pretty}"
    "strong{color:var(--text)}form{margin-top:1.75rem}"
    "button{min-height:3rem;padding:.7rem 1.75rem;border:0;border-radius:.6rem;background:var(--act);color:var(--on);"
    "font:inherit;font-weight:600;cursor:pointer}"
    "button:hover{filter:brightness(1.08)}button:focus-visible{outline:3px solid var(--act);outline-offset:3px}"
)
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def unsubscribe_page(step: Step, *, language: str, sender: str | None = None) -> str:
    """One page of the conversation in one of LANGUAGES; `sender` may be any text."""
    words = LANGUAGES[language]
    if step == "ask":
        title, text = words.title, question(words, sender)
    elif step == "done":
        title, text = words.done_title, escape(words.done)
    else:
        title, text = words.invalid_title, escape(words.invalid)
    button = f'<form method="post"><button name="confirm" value="yes">{escape(words.button)}</button></form>' if step == "ask" else ""
    announced = ' role="status"' if step == "done" else ""
    direction = "rtl" if is_right_to_left(language) else "ltr"
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p{announced}>{text}</p>{button}</main></body></html>"
    )


def question(words: Words, sender: str | None) -> str:
    if sender is None:
        return escape(words.question_nameless)
    before, after = words.question.split("{sender}")
    return f"{escape(before)}<strong><bdi>{escape(sender)}</bdi></strong>{escape(after)}"


def known_language(wanted: Iterable[str]) -> str:
    """The first of the wanted languages that the page speaks, else English."""
    return next((language for language in wanted if language in LANGUAGES), "en")


def accepted_languages(header: str) -> list[str]:
    """The primary language tags of an Accept-Language header, best first, without those it refuses."""
    weighed: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        weight = quality(parameters)
        if tag and weight > 0:
            weighed.append((weight, tag.split("-")[0].strip().lower()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: -pair[0])]


def quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
