"""The approval page: what is to be paid, and buttons for how it ends; no scripts, nothing from outside, every value escaped."""

from collections.abc import Mapping
from html import escape
from typing import Any

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:90vh;margin:0}"
    "main{width:min(24rem,92vw)}button{font:inherit;display:block;width:100%;padding:.7rem 1rem;margin:.4rem 0;text-align:left;"
    "border:1px solid #8884;border-radius:10px;background:transparent;color:inherit;cursor:pointer}"
    "button:hover,button:focus-visible{outline:2px solid #3554d1}small{opacity:.7;display:block}"
)
WAYS = (
    ("pay", "Pay", "With an account that has money, now and later"),
    ("pay_declines_later", "Pay, then refuse", "Later charges of the account are declined"),
    ("pay_asks_later", "Pay, then ask", "Later charges of the account need the person"),
    ("decline", "Approve without money", "The capture is declined"),
    ("cancel", "Go back", "Without paying"),
)


def approval_page(order: Mapping[str, Any], *, action: str) -> str:
    """The page of an order that waits for its payer."""
    amount = order["purchase_units"][0]["amount"]
    asked = f"Pay {amount['value']} {amount['currency_code']}"
    buttons = "".join(
        f'<button name="way" value="{name}">{escape(title)}<small>{escape(words)}</small></button>' for name, title, words in WAYS
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(asked)}</title><style>{STYLE}</style></head><body><main><h1>{escape(asked)}</h1>"
        f'<form method="post" action="{escape(action)}">{buttons}</form></main></body></html>'
    )
