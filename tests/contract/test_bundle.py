"""Bundles: what is stored suffices, and nothing that was tampered with is read."""

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from proviso.contract import (
    App,
    MemoryBlobs,
    TokenPrice,
    UnreadableBundle,
    load_release,
    load_terms,
    release_manifest,
    save_release,
    save_terms,
    terms_manifest,
)
from proviso.errors import ProvisoError, Tampered

SNAPSHOT = "5" * 64


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def test_a_release_comes_back_whole_without_its_folder(example: App, blobs: MemoryBlobs) -> None:
    bundle = load_release(save_release(example, SNAPSHOT, {"models": 3}, blobs), blobs)
    assert (bundle.app, bundle.snapshot, bundle.revisions) == ("policy-qa", SNAPSHOT, {"models": 3})
    for section in ("tier", "purpose", "inputs", "outputs", "quality", "safety", "models"):
        assert getattr(bundle.contract, section) == getattr(example.contract, section)
    assert (bundle.workflow, bundle.prompt) == (example.workflow, example.prompt)
    assert bundle.files == example.files
    assert bundle.sources["travel-policy"].superseded == {"per-diem-2024.md": "per-diem-2026.md"}
    assert bundle.models["extractive"].provider == "extractive"
    assert bundle.roles == {"drafter": ("extractive",)}


def test_terms_come_back_whole(example: App, blobs: MemoryBlobs) -> None:
    terms = load_terms(save_terms(example, blobs), blobs)
    assert (terms.policy, terms.workspace) == (example.policy, example.workspace)
    assert (terms.contract.latency, terms.contract.owners) == (
        example.contract.latency,
        example.contract.owners,
    )
    assert terms.sources["expense-policy"].readers == ("employees",)
    assert (terms.prices, terms.price_book) == ({"extractive": TokenPrice(0, 0, 0, 0)}, None)
    assert terms.digest == terms_manifest(example).digest


def test_releases_and_terms_of_before_roles_were_resolved_are_still_read(
    example: App, blobs: MemoryBlobs
) -> None:
    release, terms = release_manifest(example, SNAPSHOT, {}).value, terms_manifest(example).value
    save_release(example, SNAPSHOT, {}, blobs)  # for its files
    for value, later in ((release, ["roles"]), (terms, ["prices", "price_book"])):
        for key in later:
            del value[key]
    bundle = load_release(blobs.put(rfc8785.dumps(release)), blobs)
    assert bundle.roles == {"drafter": ("extractive",)}
    assert load_terms(blobs.put(rfc8785.dumps(terms)), blobs).prices == {"extractive": TokenPrice(0, 0, 0, 0)}


def test_saving_twice_stores_nothing_new(example: App, blobs: MemoryBlobs) -> None:
    first = save_release(example, SNAPSHOT, {}, blobs)
    stored = dict(blobs.stored)
    assert save_release(example, SNAPSHOT, {}, blobs) == first
    assert blobs.stored == stored


def test_each_stored_byte_is_checked_on_every_read(example: App, blobs: MemoryBlobs) -> None:
    digest = save_release(example, SNAPSHOT, {}, blobs)
    for name, content in list(blobs.stored.items()):
        blobs.stored[name] = content + b" "
        with pytest.raises(Tampered):
            load_release(digest, blobs)
        blobs.stored[name] = content
    assert load_release(digest, blobs).app == "policy-qa"


def test_a_missing_file_of_a_release_is_told(example: App, blobs: MemoryBlobs) -> None:
    digest = save_release(example, SNAPSHOT, {}, blobs)
    for name, content in list(blobs.stored.items()):
        del blobs.stored[name]
        with pytest.raises(UnreadableBundle):
            load_release(digest, blobs)
        blobs.stored[name] = content


def test_terms_are_no_release(example: App, blobs: MemoryBlobs) -> None:
    with pytest.raises(UnreadableBundle, match="not of the kind"):
        load_release(save_terms(example, blobs), blobs)


def test_a_bundle_of_another_version_says_what_it_cannot_read(example: App, blobs: MemoryBlobs) -> None:
    value = json.loads(blobs.get(save_release(example, SNAPSHOT, {}, blobs)))
    value["contract"]["purpose"]["unheard-of"] = 1
    with pytest.raises(UnreadableBundle, match=r"purpose\.unheard-of"):
        load_release(blobs.put(json.dumps(value).encode()), blobs)


@settings(deadline=None, max_examples=100)
@given(
    st.binary(max_size=60) | st.sampled_from([b"[]", b"null", b'{"kind":"proviso.release/1"}', b"[" * 10_000])
)
def test_any_stored_bytes_give_one_of_our_errors(content: bytes) -> None:
    blobs = MemoryBlobs()
    with pytest.raises(ProvisoError):
        load_release(blobs.put(content), blobs)


def test_a_store_that_answers_with_another_digest_is_found_out(example: App) -> None:
    class Lying(MemoryBlobs):
        def put(self, content: bytes) -> str:
            return super().put(content)[::-1]

    with pytest.raises(Tampered):
        save_release(example, SNAPSHOT, {}, Lying())
