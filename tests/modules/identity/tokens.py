"""Reading the tokens that identity hands out."""

from typing import Final

# 32 random bytes in base64url, which has underscores of its own: a token cannot be taken apart at its last one.
SECRET_LENGTH: Final = 43


def secret_of(token: str) -> str:
    """The secret at the end of a token, of which nothing but a digest may be stored or logged."""
    return token[-SECRET_LENGTH:]
