"""`python -m services.methodology`: redraws what is generated in docs/methodology, so that no page drifts from the pack. In: pack, figures.json. Out: en.md, es.md, pictures.

With `--measure` it first measures anew (trains, about five minutes on two cores) and writes figures.json.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any, get_args

import click
import orjson

from services.methodology import result_table, rubric_table
from services.methodology.rubric_table import Lang
from shared.countries import Pack, load

DOCS = Path(__file__).parent.parent.parent / "docs/methodology"
MARKED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
LANGUAGES: tuple[Lang, ...] = get_args(Lang)


def redrawn(page: str, pack: Pack, figures: dict[str, Any], lang: Lang) -> str:
    """The page with every marked part drawn anew. Raises KeyError for a mark that names nothing."""

    def draw(found: re.Match[str]) -> str:
        name = found[2]
        drawn = rubric_table.BLOCKS[name](pack, lang) if name in rubric_table.BLOCKS else result_table.BLOCKS[name](figures, lang)
        return f"{found[1]}{drawn}\n{found[3]}"

    return MARKED.sub(draw, page)


def files(docs: Path, country: str) -> dict[Path, str]:
    """Every generated file of the folder with the text it must have."""
    pack, figures = load(country), orjson.loads((docs / "figures.json").read_bytes())
    found = {docs / f"{lang}.md": redrawn((docs / f"{lang}.md").read_text(), pack, figures, lang) for lang in LANGUAGES}
    for name, picture in result_table.PICTURES.items():
        found |= {docs / f"{name}.{lang}.svg": picture(figures, lang) for lang in LANGUAGES}
    return found


@click.command()
@click.option("--measure", "anew", is_flag=True, help="Measure first: train without each period, replay, write figures.json.")
@click.option("--reference", type=click.Path(path_type=Path, file_okay=False), default=None, help="Folder with the reference data [default: ../shared, or VEEDOR_REFERENCE].")
@click.option(
    "--weights", type=click.Path(path_type=Path, file_okay=False), default=None, help="Keep the held-out weights here and use those already there [default: a folder thrown away]."
)
@click.option("--country", default="pe", show_default=True)
def main(anew: bool, reference: Path | None, weights: Path | None, country: str) -> None:
    """Redraw docs/methodology from the country pack and figures.json."""
    if anew:
        from services.methodology.heldout import measure

        shared = reference or Path(os.environ.get("VEEDOR_REFERENCE", "../shared"))
        with tempfile.TemporaryDirectory() as folder:
            figures = measure(shared, load(country).directory / "record.jsonl", country, weights or Path(folder), click.echo)
        (DOCS / "figures.json").write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2) + b"\n")
    for file, text in files(DOCS, country).items():
        file.write_text(text)
        click.echo(file.relative_to(DOCS.parent))
