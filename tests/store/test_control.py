"""The shared database: keys, blobs, pointers, subjects, and a version that moves with every change."""

import hashlib
from pathlib import Path

import pytest

from proviso.errors import NotReady, StoreUnavailable, Tampered
from proviso.store import Control, KeyRow, open_store


def row(key: str = "k1") -> KeyRow:
    return KeyRow(key, b"\0" * 32, "dana", ("staff", "travel"), ("user",), 1, 2)


def test_a_blob_is_found_under_its_sha_256(control: Control) -> None:
    digest = control.put(b"a bundle")
    assert digest == hashlib.sha256(b"a bundle").hexdigest() == control.put(b"a bundle")
    assert control.get(digest) == b"a bundle"


def test_a_blob_that_was_altered_is_not_given_out(control: Control) -> None:
    digest = control.put(b"a bundle")
    control.statements.change("UPDATE blobs SET body = ?", (b"\0",))
    with pytest.raises(Tampered, match=digest):
        control.get(digest)


def test_a_digest_under_which_nothing_is_stored_says_so(control: Control) -> None:
    with pytest.raises(NotReady, match="nothing is stored"):
        control.get("0" * 64)


def test_a_pointer_can_be_moved(control: Control) -> None:
    assert control.pointer("snapshot/policy-qa") == ""
    control.point("snapshot/policy-qa", "one")
    control.point("snapshot/policy-qa", "two")
    assert control.pointer("snapshot/policy-qa") == "two"


def test_a_key_comes_back_as_it_was_stored_and_its_id_is_taken(control: Control) -> None:
    assert control.add_key(row())
    assert not control.add_key(row())
    assert control.key("k1") == row() == control.all_keys()[0]


def test_a_key_is_revoked_once(control: Control) -> None:
    control.add_key(row())
    assert control.revoke_key("k1", 5)
    assert not control.revoke_key("k1", 6)
    stored = control.key("k1")
    assert stored is not None
    assert stored.revoked == 5


def test_the_first_pseudonym_of_a_user_stays(control: Control) -> None:
    assert control.subject("dana", "s1") == control.subject("dana", "s2") == "s1"
    assert (control.user("s1"), control.user("s2")) == ("dana", "")


def test_news_of_a_topic_is_a_number_that_rises(control: Control) -> None:
    control.publish("keys")
    control.publish("keys")
    control.publish("terms")
    assert control.news() == {"keys": 2, "terms": 1}


def test_what_a_transaction_changes_is_undone_where_it_fails(control: Control) -> None:
    with pytest.raises(NotReady), control.transaction() as tables:  # noqa: PT012  what comes before is the point
        tables.point("a", "b")
        tables.publish("keys")
        tables.get("0" * 64)
    assert (control.pointer("a"), control.news()) == ("", {})


def test_what_a_transaction_changes_is_seen_when_it_ends(control: Control) -> None:
    with control.transaction() as tables:
        tables.point("a", "b")
        assert (tables.pointer("a"), control.pointer("a")) == ("b", "")
    assert control.pointer("a") == "b"


def test_a_file_that_is_no_database_is_named_and_not_touched(tmp_path: Path) -> None:
    (tmp_path / "control.db").write_bytes(b"notes, not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Control(open_store(tmp_path).database)
    assert (tmp_path / "control.db").read_bytes().startswith(b"notes")
