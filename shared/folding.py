"""Text as it is compared: small letters without accents. In: what people write; out: the same for every way to accent it. Pure."""

from __future__ import annotations

import unicodedata


class _Plain(dict[int, str]):
    """For str.translate: characters without their marks, each worked out when first met."""

    def __missing__(self, code: int) -> str:
        plain = self[code] = "".join(c for c in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(c))
        return plain


_PLAIN = _Plain()


def unaccented(text: str) -> str:
    """Lower case without accents; ñ becomes n."""
    return text.lower() if text.isascii() else text.lower().translate(_PLAIN)
