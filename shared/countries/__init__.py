"""Country packs: everything Veedor knows of one country, as readable data. In: a country code; out: a frozen, validated `Pack`."""

from shared.countries.document import PackError
from shared.countries.pack import Pack, load

__all__ = ["Pack", "PackError", "load"]
