"""The page of a review as HTML: no script, every value escaped, files of our own alone."""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape

from nexusone.modules.ai.contracts.pipeline_runs import Review, ReviewAsset

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
    "pre{white-space:pre-wrap;background:#f4f4f4;padding:1rem}img,video{max-width:100%}"
    "label{display:block;margin:.75rem 0}input,textarea{width:100%;font:inherit}button{font:inherit;margin-right:.5rem}"
)
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src 'self'; media-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
SAID = {
    "open": "Your decision is asked for until {expires}.",
    "approved": "Approved by {reviewer}. This version is locked.",
    "rejected": "Rejected by {reviewer}.",
    "changes_requested": "{reviewer} asked for changes.",
    "expired": "The time for a decision is over.",
    "withdrawn": "No decision is needed any more.",
}


def review_page(review: Review, *, notice: str = "") -> str:
    """What is shown, what was said of it, and a form while it is open."""
    said = SAID[review.state].format(expires=f"{review.expires_at:%Y-%m-%d %H:%M} UTC", reviewer=review.reviewer or "somebody")
    parts = [f"<h1>{escape(review.title)}</h1>", f"<p><strong>{escape(said)}</strong></p>"]
    if notice:
        parts.append(f'<p role="alert">{escape(notice)}</p>')
    parts += [f"<h2>{escape(name)}</h2><pre>{escape(_text(value))}</pre>" for name, value in review.content.items()]
    parts += [_file(asset) for asset in review.assets]
    parts.append("<p>Made with AI.</p>")
    parts += [f"<blockquote><p>{escape(said.text)}</p><footer>{escape(said.author)}</footer></blockquote>" for said in review.comments]
    if review.state == "open":
        parts.append(_form(review))
    return _page(review.title, "".join(parts))


def missing_page() -> str:
    """What is said of a link that leads nowhere."""
    return _page("Review", "<h1>This link does not work</h1><p>It is incomplete, or its time is over. Ask whoever sent it for another.</p>")


def _form(review: Review) -> str:
    return (
        '<form method="post">'
        f'<input type="hidden" name="content_sha256" value="{review.content_sha256}">'
        '<label>Your name <input name="name" required maxlength="200" autocomplete="name"></label>'
        '<label>Comment <textarea name="comment" rows="4" maxlength="4000"></textarea></label>'
        '<button name="decision" value="approve">Approve</button>'
        '<button name="decision" value="request_changes">Ask for changes</button>'
        '<button name="decision" value="reject">Reject</button>'
        '<button name="decision" value="comment">Only comment</button>'
        "</form>"
    )


def _file(asset: ReviewAsset) -> str:
    address, text = escape(asset.content_url), escape(asset.alt_text or asset.name)
    if asset.kind == "image":
        return f'<figure><img src="{address}" alt="{text}"><figcaption>{escape(asset.name)}</figcaption></figure>'
    tag = "audio" if asset.kind == "audio" else "video"
    return f'<figure><{tag} controls src="{address}"></{tag}><figcaption>{escape(asset.name)}</figcaption></figure>'


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="robots" content="noindex"><title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>'
    )
