"""Every way to accent a text is compared as one."""

from __future__ import annotations

import unicodedata

from shared.folding import unaccented


def test_every_character_loses_its_marks_and_nothing_else() -> None:
    for code in range(0x10000):
        text = f"a{chr(code)}Á"
        assert unaccented(text) == "".join(c for c in "".join(unicodedata.normalize("NFD", c) for c in text.lower()) if not unicodedata.combining(c))


def test_composed_and_decomposed_text_are_the_same() -> None:
    text = "Comisión de Constitución: ÑANDÚ, pingüino, Čapek"
    assert unaccented(text) == unaccented(unicodedata.normalize("NFD", text)) == "comision de constitucion: nandu, pinguino, capek"
