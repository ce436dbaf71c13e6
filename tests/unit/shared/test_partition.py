"""A key goes to the partition where every Kafka client's default puts it: a topic that others wrote to keeps its order per key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some
from kafka.partitioner import default

from shared.bus.partition import murmur2, partition_of


@given(some.binary(max_size=80))
def test_the_hash_is_kafkas(key: bytes) -> None:
    assert murmur2(key) == default.murmur2(key) & 0xFFFFFFFF


def test_known_keys_go_where_the_java_client_puts_them() -> None:
    # Kafka's own UtilsTest.testMurmur2.
    known = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536, b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, b"abc": 479470107}
    assert {key: murmur2(key) for key in known} == {key: value & 0xFFFFFFFF for key, value in known.items()}
    assert partition_of(b"abc", [0, 1, 2, 3]) == 479470107 % 4
