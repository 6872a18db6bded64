"""What a password must be: long enough, and not one that everybody tries first."""

from nexusone.kernel.errors import FieldError

CONTEXT_WORDS = ("nexusone", "password", "marketing")


def password_faults(password: str, *, length_min: int, email: str, name: str) -> tuple[FieldError, ...]:
    """Why a password is refused; no rule about which characters it has."""
    if len(password) < length_min:
        return (_fault("too_short", f"a password has at least {length_min} characters"),)
    folded = password.casefold()
    if len(set(folded)) < 5 or _repeats(folded):
        return (_fault("too_simple", "this password repeats itself"),)
    own = [email.split("@")[0].casefold(), name.casefold(), *CONTEXT_WORDS]
    if any(len(word) >= 4 and len(folded.replace(word, "")) < length_min // 2 for word in own):
        return (_fault("too_obvious", "this password is made of your own name or ours"),)
    return ()


def _repeats(text: str) -> bool:
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 5))


def _fault(code: str, detail: str) -> FieldError:
    return FieldError(pointer="/password", code=code, detail=detail)
