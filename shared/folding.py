"""Text as it is compared: small letters without accents. In: what people write; out: the same for every way to accent it. Pure."""

from __future__ import annotations

import unicodedata


class _Plain(dict[int, str]):
    """For str.translate: characters without their marks, each worked out when first met."""

    def __missing__(self, code: int) -> str:
        plain = self[code] = "".join(c for c in unicodedata.normalize("NFD", chr(code)) if not unicodedata.combining(c))
        return plain


_PLAIN = _Plain()
_COMMON = tuple(zip("áéíóúüñ", "aeiouun", strict=True))
"""What Spanish writes: replaced one by one first, for translate looks up every letter of the text."""


def unaccented(text: str) -> str:
    """Lower case without accents; ñ becomes n."""
    plain = text.lower()
    if plain.isascii():
        return plain
    for accented, letter in _COMMON:
        plain = plain.replace(accented, letter)
    return plain if plain.isascii() else plain.translate(_PLAIN)
