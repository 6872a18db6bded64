"""A company's contacts as a CSV file: a thousand people in five languages and ten time zones, and a few bad rows."""

import csv
import io

PEOPLE = (
    ("en", "GB", "Europe/London", ("Olivia", "Harry", "Amelia", "George"), ("Smith", "Taylor", "Walker")),
    ("en", "US", "America/New_York", ("Emma", "Liam", "Ava", "Noah"), ("Johnson", "Brown", "Davis")),
    ("en", "US", "America/Los_Angeles", ("Sophia", "Mason", "Mia", "Ethan"), ("Miller", "Wilson", "Moore")),
    ("de", "DE", "Europe/Berlin", ("Hanna", "Jürgen", "Lena", "Björn"), ("Müller", "Schäfer", "Weiß")),
    ("de-AT", "AT", "Europe/Vienna", ("Katharina", "Lukas", "Theresa", "Florian"), ("Gruber", "Höller", "Pichler")),
    ("es", "ES", "Europe/Madrid", ("Lucía", "Íñigo", "María", "Álvaro"), ("García", "Muñoz", "Ibáñez")),
    ("es-MX", "MX", "America/Mexico_City", ("Ximena", "Santiago", "Renata", "Emiliano"), ("Hernández", "Núñez", "Peña")),
    ("fr", "FR", "Europe/Paris", ("Chloé", "François", "Zoé", "Rémi"), ("Lefèvre", "Garçon", "Noël")),
    ("it", "IT", "Europe/Rome", ("Giulia", "Niccolò", "Chiara", "Matteo"), ("Rossi", "D'Angelo", "Colò")),
    ("fr-CA", "CA", "America/Toronto", ("Émilie", "Félix", "Léa", "Étienne"), ("Tremblay", "Côté", "Bélanger")),
)

COLUMNS = (
    "external_id",
    "email",
    "phone",
    "first_name",
    "last_name",
    "locale",
    "timezone",
    "country",
    "plan",
    "lifetime_value",
)
PLANS = ("free", "starter", "pro")
BAD_ROWS = (
    ("bad-1", "not an address", "", "Nobody", "Here", "en", "Europe/London", "GB", "free", "0"),
    ("bad-2", "mars@example.com", "", "Marvin", "Mars", "en", "Mars/Olympus", "GB", "free", "0"),
    ("demo-0001", "twice@example.com", "", "Twice", "Told", "en", "Europe/London", "GB", "pro", "0"),
)


def contacts_csv(*, count: int, domain: str) -> bytes:
    """The file: `count` good rows with addresses under `domain`, then three bad ones."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(_row(number, domain) for number in range(1, count + 1))
    writer.writerows(BAD_ROWS)
    return out.getvalue().encode()


def is_chosen(number: int) -> bool:
    """Whether the demo's segment (plan pro, or lifetime value over 500) holds contact `number`."""
    return _plan(number) == "pro" or _lifetime_value(number) > 500


def _row(number: int, domain: str) -> tuple[str, ...]:
    locale, country, timezone, first_names, last_names = PEOPLE[number % len(PEOPLE)]
    first_name = first_names[number // len(PEOPLE) % len(first_names)]
    last_name = last_names[number // 7 % len(last_names)]
    value = f"{_lifetime_value(number):.2f}"
    address = f"customer{number:04d}@{domain}"
    return (f"demo-{number:04d}", address, "", first_name, last_name, locale, timezone, country, _plan(number), value)


def _plan(number: int) -> str:
    return PLANS[number % 5 % len(PLANS)]


def _lifetime_value(number: int) -> float:
    return float(number * 37 % 800) + 0.5
