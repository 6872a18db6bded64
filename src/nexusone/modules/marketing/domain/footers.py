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
