"""The chain, its checkpoints and offline verification: whatever is changed in an export is found, and where."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from services.alerting.canonical import canonical
from services.alerting.checkpoint import Checkpoint, CheckpointError
from services.alerting.ledger import Head, Sealed, Statement, chain_hash, checkpoint_line, entry_line, seal
from services.alerting.verify import Verification, verify_export, verify_file
from shared.errors import Refused
from shared.identity import public_pem

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = dt.datetime(2024, 5, 30, 17, 0, tzinfo=dt.UTC)
ORIGIN = "veedor/test"


def statement(number: int, revision: int = 1) -> Statement:
    body = {"alert_id": f"alert.{number}", "headline": {"es": "Se presentó", "en": "Filed"}, "risk": 71.0 + number, "p_law": 0.1}
    return Statement(f"alert.{number}", revision, "move", dt.date(2024, 5, 30), body)


def ledger(batches: list[int]) -> tuple[list[Sealed], list[Checkpoint], Head]:
    head, entries, checkpoints, number = Head(), [], [], 0
    for size in batches:
        statements = [statement(number + at) for at in range(size)]
        head, sealed, _ = seal(head, statements, [bytes([number + at]) * 16 for at in range(size)], NOW)
        entries += sealed
        number += size
        checkpoints.append(Checkpoint.sign(KEY, origin=ORIGIN, size=head.sequence, root=head.frontier.root(), time=NOW))
    return entries, checkpoints, head


def export(entries: list[Sealed], checkpoints: list[Checkpoint], withheld: frozenset[int] = frozenset()) -> list[bytes]:
    at = {checkpoint.size: checkpoint_line(checkpoint.model_dump()) for checkpoint in checkpoints}
    lines = []
    for found in entries:
        lines.append(entry_line(found.entry, found.hash, found.salt, None if found.sequence in withheld else found.body))
        lines += [at[found.sequence]] if found.sequence in at else []
    return lines


def verify(lines: list[bytes], since: Checkpoint | None = None) -> Verification:
    return verify_export(lines, KEY.public_key(), since)


def broken(lines: list[bytes], since: Checkpoint | None = None) -> str:
    found = verify(lines, since).broken
    assert found is not None
    return str(found)


def test_a_whole_export_holds_and_says_how_much() -> None:
    entries, checkpoints, head = ledger([3, 1, 4])
    found = verify(export(entries, checkpoints, frozenset({2})), checkpoints[0])
    assert (found.ok, found.entries, found.checkpoints, found.withheld, found.covers, found.head) == (True, 8, 3, 1, 8, head.hash)


def test_every_line_is_canonical_json() -> None:
    for line in export(*ledger([2])[:2]):
        assert canonical(orjson.loads(line)) + b"\n" == line


def test_the_hash_is_over_the_previous_hash_and_the_entry() -> None:
    entries, _, _ = ledger([2])
    assert orjson.loads(entries[1].entry)["previous"] == entries[0].hash == entries[1].previous
    assert entries[1].hash == chain_hash(entries[0].hash, entries[1].entry)


SMALL = b"".join(export(*ledger([2, 1])[:2], frozenset({2})))


@given(place=st.integers(0, len(SMALL) - 1), bit=st.integers(0, 7))
@settings(max_examples=800, deadline=None)
def test_any_flipped_bit_is_found(place: int, bit: int) -> None:
    flipped = bytearray(SMALL)
    flipped[place] ^= 1 << bit
    assert not verify(bytes(flipped).splitlines(keepends=True)).ok
    assert not verify([line + b"\n" for line in bytes(flipped).split(b"\n")[:-1]]).ok


def test_every_single_byte_replaced_is_found() -> None:
    for place in range(len(SMALL)):
        flipped = SMALL[:place] + bytes([SMALL[place] ^ 0x20 or 1]) + SMALL[place + 1 :]
        lines = [part + b"\n" for part in flipped.split(b"\n")]
        assert not verify(lines if lines[-1] != b"\n" else lines[:-1]).ok, place


def test_the_first_broken_entry_is_named() -> None:
    entries, checkpoints, _ = ledger([3, 3])
    lines = export(entries, checkpoints)
    lines[1] = lines[1].replace(b"Filed", b"Fined")
    found = verify(lines).broken
    assert found is not None
    assert (found.line, found.sequence) == (2, 2)
    assert "the body is not the one the entry commits to" in found.what


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_removing_doubling_or_swapping_lines_is_found(data: st.DataObject) -> None:
    entries, checkpoints, _ = ledger([2, 3, 1])
    lines = export(entries, checkpoints)
    at = data.draw(st.integers(0, len(lines) - 1))
    act = data.draw(st.sampled_from(["remove", "double", "swap"]))
    if act == "remove" and b'"checkpoint"' in lines[at] and at < len(lines) - 1:
        return  # a checkpoint in the middle may be missing: later ones cover the same entries
    if act == "double" and b'"checkpoint"' in lines[at]:
        return  # saying the same signed thing twice changes nothing
    if act == "remove":
        del lines[at]
    elif act == "double":
        lines.insert(at, lines[at])
    else:
        other = data.draw(st.integers(0, len(lines) - 1).filter(lambda found: found != at))
        lines[at], lines[other] = lines[other], lines[at]
    assert not verify(lines).ok


def test_a_tail_cut_at_a_checkpoint_is_seen_with_a_later_one() -> None:
    entries, checkpoints, _ = ledger([2, 2])
    short = export(entries, checkpoints)[:3]
    assert verify(short).ok
    assert "entries were removed" in broken(short, checkpoints[1])


def test_a_ledger_rewritten_by_the_holder_of_the_key_is_seen_with_an_old_checkpoint() -> None:
    _, [_, held], _ = ledger([2, 2])
    head, sealed, _ = seal(Head(), [statement(9), *map(statement, range(1, 4))], [b"s" * 16] * 4, NOW)
    forged = [Checkpoint.sign(KEY, origin=ORIGIN, size=4, root=head.frontier.root(), time=NOW)]
    assert verify(export(sealed, forged)).ok
    assert "not those your checkpoint was signed over" in broken(export(sealed, forged), held)


def test_another_key_inside_the_export_is_not_trusted() -> None:
    entries, _, head = ledger([2])
    foreign = Checkpoint.sign(OTHER, origin=ORIGIN, size=2, root=head.frontier.root(), time=NOW)
    assert "signed with another key" in broken(export(entries, [foreign]))


def test_entries_after_the_last_checkpoint_do_not_hold() -> None:
    entries, checkpoints, _ = ledger([2, 1])
    assert "covered by no signed checkpoint" in broken(export(entries, checkpoints[:1]))
    assert "covered by no signed checkpoint" in broken([])


def test_a_salt_left_beside_a_withheld_body_is_found() -> None:
    entries, checkpoints, _ = ledger([1])
    lines = export(entries, checkpoints)
    line = orjson.loads(lines[0]) | {"body": None}
    assert "withheld but its salt is not" in broken([canonical(line) + b"\n", lines[1]])


def test_a_revision_out_of_order_is_found() -> None:
    head, sealed, _ = seal(Head(), [statement(1, revision=2)], [b"s" * 16], NOW)
    found = Checkpoint.sign(KEY, origin=ORIGIN, size=1, root=head.frontier.root(), time=NOW)
    assert "revision is 2 where 1 must follow" in broken(export(sealed, [found]))


@pytest.mark.parametrize(
    "line", [b"null\n", b"[]\n", b"{}\n", b'{"checkpoint":null}\n', b'{"checkpoint":{}}\n', b"[" * 990 + b"]" * 990 + b"\n", b"\xff\n", b"\n", b"NaN\n", b"9007199254740993\n"]
)
def test_junk_is_named_not_thrown(line: bytes) -> None:
    assert verify([line]).broken is not None


def test_a_checkpoint_opens_only_as_it_was_signed() -> None:
    _, [held], _ = ledger([2])
    assert Checkpoint.open(held.model_dump(), KEY.public_key()) == held
    assert Checkpoint.read_note(held.note, KEY.public_key()) == held
    for field, value in {"size": 3, "root": "A" * 43 + "=", "time": "x", "key_id": "y", "origin": "z", "note": held.note.replace("\n2\n", "\n02\n")}.items():
        with pytest.raises(CheckpointError):
            Checkpoint.open(held.model_dump() | {field: value}, KEY.public_key())
    with pytest.raises(CheckpointError, match="another key"):
        Checkpoint.read_note(held.note, OTHER.public_key())


def test_the_note_has_the_form_of_c2sp() -> None:
    _, [held], _ = ledger([2])
    text, signatures = held.note.split("\n\n")
    origin, size, root, extension = text.split("\n")
    assert (origin, size, root, extension) == (ORIGIN, "2", held.root, "time 2024-05-30T17:00:00.000000Z")
    assert signatures.startswith(f"\u2014 {ORIGIN} ")


def test_verify_file_reads_key_and_checkpoint_in_every_form_they_are_given(tmp_path: Path) -> None:
    entries, checkpoints, _ = ledger([2, 2])
    path, key = tmp_path / "export.jsonl", tmp_path / "key.pem"
    path.write_bytes(b"".join(export(entries, checkpoints)))
    key.write_text(public_pem(KEY.public_key()))
    held = checkpoints[0].model_dump()
    for number, text in enumerate([orjson.dumps(held), orjson.dumps({"data": {"checkpoint": held}}), held["note"].encode()]):
        since = tmp_path / f"since{number}"
        since.write_bytes(text)
        assert verify_file(path, key, since) is None


def test_verify_file_names_the_argument_that_is_wrong(tmp_path: Path) -> None:
    key, junk = tmp_path / "key.pem", tmp_path / "junk"
    key.write_text(public_pem(KEY.public_key()))
    junk.write_bytes(b"\x00junk")
    for given_key, since, field in [(junk, None, "--key"), (tmp_path / "none", None, "--key"), (key, junk, "--since"), (key, tmp_path / "none", "--since"), (key, None, "EXPORT")]:
        with pytest.raises(Refused) as caught:
            verify_file(tmp_path / "none", given_key, since)
        assert caught.value.field == field
