"""The words that NexusOne itself puts into a mail, in the languages it speaks; English for any other."""

UNSUBSCRIBE = {
    "en": "Unsubscribe",
    "de": "Newsletter abbestellen",
    "es": "Darse de baja",
    "fr": "Se désabonner",
    "it": "Annulla l’iscrizione",
    "pt": "Cancelar subscrição",
    "nl": "Uitschrijven",
    "pl": "Wypisz się",
    "ja": "配信停止",
    "ar": "إلغاء الاشتراك",
}


def unsubscribe_label(locale: str) -> str:
    """The text of the unsubscribe link."""
    return UNSUBSCRIBE.get(locale.split("-")[0].lower(), UNSUBSCRIBE["en"])


def text_footer(text: str, *, locale: str) -> str:
    """A text part with what the law wants to be visible, where it is not there yet."""
    footer = "" if "unsubscribe_url" in text else f"\n{unsubscribe_label(locale)}: {{{{ unsubscribe_url }}}}"
    if "postal_address" not in text:
        footer += "{% if workspace.postal_address %}\n{{ workspace.name }}, {{ workspace.postal_address }}{% endif %}"
    return f"{text.rstrip()}\n{footer}" if footer else text
