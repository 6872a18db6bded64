"""The inbox as pages for people: no scripts, nothing from outside, every value escaped."""

from dataclasses import dataclass
from html import escape
from urllib.parse import quote, urlencode

from nexusone.providers.smtp.simulation.inbox import Mail
from nexusone.providers.smtp.simulation.reading import Reading, first

SOURCE_CHARS_MAX = 200_000

STYLE = """
:root{color-scheme:light dark;--ground:light-dark(#f5f6f8,#14161a);--card:light-dark(#fff,#1d2026);--ink:light-dark(#1c2026,#e8eaee);
--quiet:light-dark(#626b78,#98a1b0);--line:light-dark(#e2e5ea,#2e333c);--accent:light-dark(#3554d1,#93a8ff);--hover:light-dark(#f0f3ff,#242938)}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:64rem;margin:0 auto;padding:1.5rem 1rem 4rem}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
a:focus-visible,input:focus-visible,button:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
header{display:flex;flex-wrap:wrap;gap:1rem;align-items:center;justify-content:space-between;margin-bottom:1rem}
h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}h2{font-size:1rem;margin:0 0 .75rem}
.quiet{color:var(--quiet)}.card{background:var(--card);border:1px solid var(--line);border-radius:12px;overflow:hidden;margin-bottom:1rem}
.pad{padding:1rem 1.25rem}
form{display:flex;gap:.5rem;flex:0 1 24rem}
input,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.45rem .75rem}
input{flex:1;min-width:0}button{cursor:pointer}
.mails{list-style:none;margin:0;padding:0}.mails li+li{border-top:1px solid var(--line)}
.mails a{display:grid;grid-template-columns:minmax(0,17rem) minmax(0,1fr) auto;gap:.1rem 1rem;padding:.7rem 1.25rem;color:inherit}
.mails a:hover{background:var(--hover);text-decoration:none}
.mails span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.subject{font-weight:600}
.turn{display:flex;justify-content:space-between;padding:.25rem}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.3rem 1rem;margin:0}
dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}
iframe{display:block;width:100%;height:38rem;border:0;background:#fff}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
details{border-top:1px solid var(--line)}details:first-child{border-top:0}
summary{cursor:pointer;padding:.75rem 1.25rem;font-weight:600}details>div{padding:0 1.25rem 1.25rem}
.links{margin:0;padding-left:1.1rem;overflow-wrap:anywhere}
@media(max-width:40rem){.mails a{grid-template-columns:minmax(0,1fr) auto}.mails .subject{grid-column:1/-1;grid-row:2}
dl{grid-template-columns:minmax(0,1fr)}dd{margin-bottom:.4rem}form{flex-basis:100%}iframe{height:28rem}}
"""


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list: mails with their headers, the recipient asked for, what comes before and after."""

    mails: tuple[tuple[Mail, tuple[tuple[str, str], ...]], ...]
    to: str
    count: int
    next_cursor: str | None
    is_first: bool


def list_page(listing: Listing, *, root: str) -> str:
    """The list of mails; `root` is where the app is mounted."""
    rows = "".join(_row(mail, headers, root=root) for mail, headers in listing.mails)
    card = f'<ul class="mails">{rows}</ul>' if rows else _nothing(listing.to)
    many = "1 mail" if listing.count == 1 else f"{listing.count:,} mails"
    return _page(
        "Inbox",
        f'<header><h1>Inbox <span class="quiet">{many}</span></h1>'
        f'<form action="{escape(root)}/"><input type="search" name="to" value="{escape(listing.to)}" placeholder="Recipient" '
        'aria-label="Recipient"><button>Find</button></form></header>'
        f'<div class="card">{card}</div>{_turn(listing, root=root)}',
    )


def mail_page(mail: Mail, reading: Reading, *, source: bytes, root: str) -> str:
    """One mail: the facts, the HTML in a sandboxed frame, text, links, headers and source to unfold."""
    subject = first(reading.headers, "subject") or "(no subject)"
    frame = (
        f'<div class="card"><iframe title="The mail as HTML" sandbox="allow-popups allow-popups-to-escape-sandbox" '
        f'src="{escape(root)}/inbox/{mail.id}/html"></iframe></div>'
        if reading.html is not None
        else ""
    )
    folds = [
        _fold("Text", f"<pre>{escape(reading.text)}</pre>", is_open=reading.html is None) if reading.text is not None else "",
        _fold(f"Links ({len(reading.links)})", _links(reading.links)) if reading.links else "",
        _fold("Headers", _facts(reading.headers)),
        _fold("Source", _source(mail, source, root=root)),
    ]
    return _page(
        subject,
        f'<p><a href="{escape(root)}/">&larr; Inbox</a></p><header><h1>{escape(subject)}</h1></header>'
        f'<div class="card pad">{_facts(_envelope(mail, reading))}</div>{frame}<div class="card">{"".join(folds)}</div>',
    )


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )


def _row(mail: Mail, headers: tuple[tuple[str, str], ...], *, root: str) -> str:
    subject = escape(first(headers, "subject")) or "(no subject)"
    return (
        f'<li><a href="{escape(root)}/mail/{mail.id}"><span>{escape(", ".join(mail.recipients))}</span>'
        f'<span class="subject">{subject}</span><span class="quiet">{mail.received_at:%Y-%m-%d %H:%M}</span></a></li>'
    )


def _nothing(to: str) -> str:
    return f'<p class="pad quiet">{f"Nothing for {escape(to)}." if to else "No mail yet. What is sent appears here."}</p>'


def _turn(listing: Listing, *, root: str) -> str:
    kept = {"to": listing.to} if listing.to else {}
    newest = "" if listing.is_first else f'<a href="{escape(f"{root}/?{urlencode(kept)}")}">&larr; Newest</a>'
    older = ""
    if listing.next_cursor is not None:
        query = urlencode(kept | {"cursor": listing.next_cursor})
        older = f'<a href="{escape(f"{root}/?{query}")}">Older &rarr;</a>'
    return f'<nav class="turn"><span>{newest}</span><span>{older}</span></nav>'


def _envelope(mail: Mail, reading: Reading) -> tuple[tuple[str, str], ...]:
    facts = (
        ("From", first(reading.headers, "from") or mail.mail_from),
        ("To", ", ".join(mail.recipients)),
        ("Received", _instant(mail)),
        ("Size", f"{mail.size_bytes:,} bytes"),
        ("Attachments", ", ".join(reading.attachments)),
    )
    return tuple(fact for fact in facts if fact[1])


def _facts(pairs: tuple[tuple[str, str], ...]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in pairs)}</dl>"


def _links(links: tuple[str, ...]) -> str:
    return f'<ul class="links">{"".join(f"<li>{_link(link)}</li>" for link in links)}</ul>'


def _link(link: str) -> str:
    # A mail may carry javascript: addresses; only those that lead to the web become clickable.
    if link.lower().startswith(("http://", "https://")):
        return (
            f'<a href="{escape(quote(link, safe="%/:?#[]@!$&()*+,;=~-._"))}" target="_blank" rel="noopener noreferrer">{escape(link)}</a>'
        )
    return escape(link)


def _source(mail: Mail, source: bytes, *, root: str) -> str:
    text = source.decode("utf-8", "replace")
    rest = "" if len(text) <= SOURCE_CHARS_MAX else '<p class="quiet">Cut here.</p>'
    return f'<p><a href="{escape(root)}/inbox/{mail.id}/source">As plain text</a></p><pre>{escape(text[:SOURCE_CHARS_MAX])}</pre>{rest}'


def _fold(title: str, body: str, *, is_open: bool = False) -> str:
    return f"<details{' open' if is_open else ''}><summary>{escape(title)}</summary><div>{body}</div></details>"


def _instant(mail: Mail) -> str:
    return mail.received_at.strftime("%Y-%m-%d %H:%M:%S UTC")
