"""`ProfileStore`: one commit covers profiles, claims and consent records, all or nothing, under a condition
on each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from attune.adapters.memory import MemoryProfiles
from attune.domain.profiles.changes import SegmentEntered, SegmentLeft
from attune.domain.profiles.memory import reference
from attune.ports import (
    Claim,
    Commit,
    ConflictError,
    Identity,
    LedgerEntry,
    Page,
    ProfileItem,
    ProfileStore,
    UnstorableError,
)
from tests.adapters.cloud import Cloud
from tests.adapters.stores import profile_store
from tests.builders import NOW, profile_id, profile_item


@pytest.fixture
def store(backend: Cloud | None) -> ProfileStore:
    return profile_store(backend)


def identity(number: int = 1, **overrides: Any) -> Identity:
    fields: dict[str, Any] = {"profile_id": profile_id(number), "at": NOW, "namespace": "email"}
    return Identity(**(fields | overrides))


def claim(key: str, new: Identity, read: Identity | None = None) -> Claim:
    return Claim(identity_key=key, read=read, identity=new)


def entry(number: int = 1, **overrides: Any) -> LedgerEntry:
    fields: dict[str, Any] = {
        "profile_id": profile_id(number),
        "entry": f"{NOW:015}#1",
        "purpose": "email",
        "granted": True,
        "effective_at": NOW,
        "recorded_at": NOW + 1,
        "source": "shop",
        "previous": "",
        "digest": "ab" * 16,
    }
    return LedgerEntry(**(fields | overrides))


def page(entries: bytes) -> Page:
    return Page(reference=reference(entries), entries=entries, expires_at=NOW // 1_000 + 86_400)


def save(store: ProfileStore, *items: tuple[int | None, ProfileItem], **more: Any) -> None:
    store.commit(Commit(items=items, **more))


def read(store: ProfileStore, number: int = 1) -> ProfileItem | None:
    return store.items([profile_id(number)], consistent=True).get(profile_id(number))


# ------------------------------------------------------------------------------------------------- reading


def test_what_was_never_stored_is_absent(store: ProfileStore) -> None:
    assert store.items([profile_id()], consistent=True) == {}
    assert store.identities(["k" * 32], consistent=True) == {}


def test_asking_for_nothing_answers_nothing(store: ProfileStore) -> None:
    assert store.items([], consistent=True) == {}
    assert store.identities([], consistent=False) == {}


def test_a_profile_comes_back_as_it_was_stored(store: ProfileStore) -> None:
    outbox = (SegmentEntered("keen", NOW), SegmentLeft("abandoned_cart", NOW + 1, "cart-1"))
    item = profile_item(state=bytes(range(256)), due_at=NOW + 5, outbox=outbox)
    save(store, (None, item))
    assert read(store) == item


def test_identities_come_back_as_they_were_claimed(store: ProfileStore) -> None:
    full = identity(generation=3, verified=True)
    bare = Identity(profile_id=profile_id(), at=0)
    save(store, (None, profile_item()), claims=(claim("a" * 32, full), claim("b" * 32, bare)))
    found = store.identities(["a" * 32, "b" * 32, "c" * 32], consistent=True)
    assert found == {"a" * 32: full, "b" * 32: bare}


def test_any_number_of_keys_is_read_at_once_and_repeats_are_harmless(store: ProfileStore) -> None:
    for first in range(0, 230, 23):
        items = tuple((None, profile_item(n)) for n in range(first, first + 23))
        claims = tuple(claim(f"{n:032}", identity(n)) for n in range(first, first + 23))
        save(store, *items, claims=claims)
    ids = [profile_id(n) for n in range(230)]
    assert set(store.items([*ids, *ids, "f" * 32], consistent=True)) == set(ids)
    keys = [f"{n:032}" for n in range(230)]
    found = store.identities([*keys, *keys], consistent=False)
    assert [found[key].profile_id for key in keys] == ids


def test_pages_come_back_by_their_reference(store: ProfileStore) -> None:
    pages = [page(bytes([number]) * 700) for number in range(3)]
    item = profile_item(pages=tuple(one.reference for one in pages))
    save(store, (None, item), pages=tuple(pages))
    assert read(store) == item
    assert store.pages([*item.pages, b"of no page.."]) == {one.reference: one.entries for one in pages}
    assert store.pages([]) == {}


def test_a_page_of_a_commit_that_is_refused_is_named_by_nobody(store: ProfileStore) -> None:
    save(store, (None, profile_item()))
    lost = page(b"entries of a fold that lost")
    with pytest.raises(ConflictError):
        save(store, (None, profile_item(pages=(lost.reference,))), pages=(lost,))
    assert read(store) == profile_item()
    save(store, (1, profile_item(version=2, pages=(lost.reference,))), pages=(lost,))
    assert store.pages([lost.reference]) == {lost.reference: lost.entries}


def test_large_states_are_read_over_the_size_of_one_answer(store: ProfileStore) -> None:
    for number in range(60):
        save(store, (None, profile_item(number, state=bytes(300_000))))
    found = store.items([profile_id(n) for n in range(60)], consistent=True)
    assert {len(item.state) for item in found.values()} == {300_000}
    assert len(found) == 60


def test_a_tombstone_keeps_where_the_profile_went(store: ProfileStore) -> None:
    save(store, (None, profile_item(1, due_at=NOW)))
    tombstone = ProfileItem(profile_id=profile_id(1), version=2, merged_into=profile_id(2))
    save(store, (1, tombstone), (None, profile_item(2)))
    assert read(store, 1) == tombstone
    assert read(store, 2) == profile_item(2)


def test_a_grave_keeps_when_it_was_dug_and_where_its_ledger_ends(store: ProfileStore) -> None:
    save(store, (None, profile_item(1, due_at=NOW, outbox=(SegmentEntered("keen", NOW),))))
    grave = ProfileItem(
        profile_id=profile_id(1),
        version=2,
        erased_at=NOW,
        suppressed_at=NOW + 1,
        released_at=NOW + 2,
        ledger_length=3,
        ledger_head=bytes(range(32)),
        pages=(reference(b"one"), reference(b"two")),
    )
    save(store, (1, grave))
    assert read(store, 1) == grave


def test_marks_outlive_the_claim_and_may_be_of_nobody(store: ProfileStore) -> None:
    marked = identity(erased_at=NOW, suppressed_at=NOW + 1, released_at=NOW + 2)
    nobody = Identity(profile_id="", at=0, namespace="email", erased_at=NOW)
    store.commit(Commit(items=(), claims=(claim("a" * 32, marked), claim("b" * 32, nobody))))
    assert store.identities(["a" * 32, "b" * 32], consistent=True) == {"a" * 32: marked, "b" * 32: nobody}
    again = identity(2, at=NOW + 9, erased_at=NOW)
    save(store, (None, profile_item(2)), claims=(claim("b" * 32, again, nobody),))
    assert store.identities(["b" * 32], consistent=True) == {"b" * 32: again}


def test_callers_cannot_reach_into_the_store(store: ProfileStore) -> None:
    state = bytearray(b"before")
    save(store, (None, profile_item(state=bytes(state))))
    state[:] = b"behind"
    found = store.items([profile_id()], consistent=True)
    found.clear()
    stored = read(store)
    assert stored is not None
    assert stored.state == b"before"


# ------------------------------------------------------------------------------------------- the conditions


def test_a_new_profile_needs_to_be_new(store: ProfileStore) -> None:
    save(store, (None, profile_item(state=b"first")))
    with pytest.raises(ConflictError):
        save(store, (None, profile_item(state=b"second")))
    assert read(store) == profile_item(state=b"first")


def test_a_change_needs_the_version_it_was_made_from(store: ProfileStore) -> None:
    save(store, (None, profile_item()))
    save(store, (1, profile_item(version=2, state=b"two")))
    with pytest.raises(ConflictError):
        save(store, (1, profile_item(version=2, state=b"late")))
    with pytest.raises(ConflictError):
        save(store, (3, profile_item(version=4, state=b"early")))
    assert read(store) == profile_item(version=2, state=b"two")


def test_a_change_needs_the_profile_to_be_there(store: ProfileStore) -> None:
    with pytest.raises(ConflictError):
        save(store, (1, profile_item(version=2)))
    assert read(store) is None


def test_a_claim_needs_the_key_to_be_bound_as_it_was_read(store: ProfileStore) -> None:
    key, one, two = "k" * 32, identity(1), identity(2)
    save(store, (None, profile_item(1)), claims=(claim(key, one),))
    for stale in (None, two, identity(1, at=NOW - 1)):
        with pytest.raises(ConflictError):
            save(store, (None, profile_item(2)), claims=(claim(key, two, stale),))
    assert store.identities([key], consistent=True) == {key: one}
    assert read(store, 2) is None
    save(store, (None, profile_item(2)), claims=(claim(key, two, one),))
    assert store.identities([key], consistent=True) == {key: two}


@pytest.mark.parametrize("mark", ["erased_at", "suppressed_at", "released_at"])
def test_a_claim_needs_the_key_to_be_marked_as_it_was_read(store: ProfileStore, mark: str) -> None:
    key, plain, marked, later = "k" * 32, identity(1), identity(1, **{mark: NOW}), identity(1, **{mark: NOW + 1})
    save(store, (None, profile_item(1)), claims=(claim(key, plain),))
    save(store, (1, profile_item(1, version=2)), claims=(claim(key, marked, plain),))
    for stale in (plain, later):
        with pytest.raises(ConflictError):
            save(store, (None, profile_item(2)), claims=(claim(key, identity(2), stale),))
    save(store, (None, profile_item(2)), claims=(claim(key, identity(2), marked),))
    assert store.identities([key], consistent=True) == {key: identity(2)}


def test_a_claim_that_was_read_must_still_be_there(store: ProfileStore) -> None:
    with pytest.raises(ConflictError):
        save(store, (None, profile_item()), claims=(claim("k" * 32, identity(), identity(2)),))
    assert store.identities(["k" * 32], consistent=True) == {}


def test_one_failed_condition_undoes_everything(store: ProfileStore) -> None:
    save(store, (None, profile_item(1)), claims=(claim("a" * 32, identity(1)),))
    items = ((None, profile_item(2)), (7, profile_item(1, version=8)), (None, profile_item(3)))
    with pytest.raises(ConflictError):
        save(store, *items, claims=(claim("b" * 32, identity(2)),), ledger=(entry(2),))
    assert read(store, 1) == profile_item(1)
    assert set(store.items([profile_id(n) for n in (2, 3)], consistent=True)) == set()
    assert store.identities(["b" * 32], consistent=True) == {}
    # The record that was undone can be written: nothing of it stayed.
    save(store, (None, profile_item(2)), ledger=(entry(2),))


def test_a_consent_record_is_written_once_and_never_replaced(store: ProfileStore) -> None:
    save(store, (None, profile_item()), ledger=(entry(), entry(entry=f"{NOW:015}#2")))
    with pytest.raises(ConflictError):
        save(store, (1, profile_item(version=2)), ledger=(entry(granted=False),))
    assert read(store) == profile_item()


def test_a_merge_of_many_identifiers_is_one_commit(store: ProfileStore) -> None:
    claims = tuple(claim(f"{n:032}", identity(1)) for n in range(80))
    save(store, (None, profile_item(1)), claims=claims)
    moved = tuple(claim(f"{n:032}", identity(2), identity(1)) for n in range(80))
    tombstone = profile_item(1, version=2, state=b"", merged_into=profile_id(2))
    save(store, (1, tombstone), (None, profile_item(2)), claims=moved, ledger=(entry(2),))
    found = store.identities([f"{n:032}" for n in range(80)], consistent=True)
    assert {one.profile_id for one in found.values()} == {profile_id(2)}


# ------------------------------------------------------------------------------------------------- outbox


def test_a_write_without_changes_removes_the_outbox(store: ProfileStore) -> None:
    save(store, (None, profile_item(outbox=(SegmentEntered("keen", NOW),))))
    save(store, (1, profile_item(version=2)))
    stored = read(store)
    assert stored is not None
    assert stored.outbox == ()


def test_a_write_disarms_what_it_does_not_arm(store: ProfileStore) -> None:
    save(store, (None, profile_item(due_at=NOW)))
    save(store, (1, profile_item(version=2)))
    stored = read(store)
    assert stored is not None
    assert stored.due_at is None


# -------------------------------------------------------------------------------------------------- races


@pytest.fixture
def raced(racing_backend: Cloud | None) -> ProfileStore:
    return profile_store(racing_backend)


def together(jobs: list[Callable[[], None]]) -> None:
    """Runs the jobs at the same time and raises what any of them raised."""
    failures: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as failure:  # noqa: BLE001 (raised again by the caller's thread)
            failures.append(failure)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_no_increment_is_lost_between_threads(raced: ProfileStore) -> None:
    save(raced, (None, profile_item(state=b"0")))

    def increment() -> None:
        for _ in range(5):
            while True:
                stored = read(raced)
                assert stored is not None
                new = profile_item(version=stored.version + 1, state=b"%d" % (int(stored.state) + 1))
                try:
                    save(raced, (stored.version, new))
                    break
                except ConflictError:
                    continue

    together([increment] * 6)
    assert read(raced) == profile_item(version=31, state=b"30")


def test_one_of_many_founders_wins_the_key(raced: ProfileStore) -> None:
    won: list[int] = []

    def found(number: int) -> Callable[[], None]:
        def commit() -> None:
            try:
                save(raced, (None, profile_item(number)), claims=(claim("k" * 32, identity(number)),))
                won.append(number)
            except ConflictError:
                pass

        return commit

    together([found(number) for number in range(8)])
    [winner] = won
    assert raced.identities(["k" * 32], consistent=True) == {"k" * 32: identity(winner)}
    assert set(raced.items([profile_id(n) for n in range(8)], consistent=True)) == {profile_id(winner)}


def test_what_a_table_never_takes_is_refused_for_good(store: ProfileStore) -> None:
    with pytest.raises(UnstorableError):
        save(store, (None, profile_item()), (1, profile_item(version=2)))
    with pytest.raises(UnstorableError):
        save(store, *((None, profile_item(n)) for n in range(101)))
    with pytest.raises(UnstorableError):
        save(store, (None, profile_item(state=bytes(420_000))))
    with pytest.raises(UnstorableError):
        save(store, (None, profile_item(state=bytes(420_000))), claims=(claim("k" * 32, identity()),))
    assert read(store) is None


def test_the_memory_store_yields_each_change_once_in_order() -> None:
    store = MemoryProfiles()
    first, second = profile_item(outbox=(SegmentEntered("keen", NOW),)), profile_item(version=2)
    save(store, (None, first), (None, profile_item(2)))
    save(store, (1, second))
    assert store.images() == [first, profile_item(2), second]
    assert store.images(2) == [second]
