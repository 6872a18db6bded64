"""The sign-in page: a form on which a person is chosen; no scripts, nothing from outside, every value escaped."""

from collections.abc import Iterable, Mapping
from html import escape

from nexusone.providers.oidc.simulation.tenant import SimulatedPerson

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}"
    "main{width:min(24rem,92vw)}h1{font-size:1.25rem}button{font:inherit;display:block;width:100%;padding:.7rem 1rem;margin:.4rem 0;"
    "text-align:left;border:1px solid #8884;border-radius:10px;background:transparent;color:inherit;cursor:pointer}"
    "button:hover,button:focus-visible{outline:2px solid #3554d1}small{opacity:.7;display:block}"
)


def sign_in_page(people: Iterable[SimulatedPerson], *, asked: Mapping[str, str], action: str, tenant: str) -> str:
    """Everybody as a button, and one to decline; what was asked goes along in hidden fields."""
    hidden = "".join(f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in asked.items())
    buttons = "".join(
        f'<button name="person" value="{escape(person.sub)}">{escape(person.name)}<small>{escape(person.email)}</small></button>'
        for person in people
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Sign in</title><style>{STYLE}</style></head><body><main><h1>Sign in to {escape(tenant)}</h1>"
        f'<form method="post" action="{escape(action)}">{hidden}{buttons}'
        '<button name="person" value="">Decline<small>Go back without signing in</small></button></form></main></body></html>'
    )
