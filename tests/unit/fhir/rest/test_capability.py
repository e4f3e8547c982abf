"""What a CapabilityStatement says, and how little of it may be there."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oncofhir.fhir.rest.capability import Capability, Versioning, capability_of, check_version
from oncofhir.schemas.errors import UnsuitableServer
from oncofhir.schemas.reasons import Reason

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["rest", "mode", "interaction", "code", "resource", "type", "versioning"]
            ),
            inner,
        )
    ),
)


def statement(**rest) -> dict:
    return {"fhirVersion": "4.0.1", "rest": [{"mode": "server", **rest}]}


def codes(*named: str) -> list[dict]:
    return [{"code": name} for name in named]


def test_a_server_that_declares_nothing_is_able():
    able = capability_of({})
    assert (able.transaction, able.batch, able.fhir_version) == (True, True, None)
    assert able.of("Task").update_create
    assert able.of("Task").versioning is Versioning.VERSIONED_UPDATE


def test_a_server_that_lists_its_interactions_has_no_others():
    able = capability_of(statement(interaction=codes("batch", "history-system")))
    assert (able.transaction, able.batch) == (False, True)
    able = capability_of(statement(interaction=codes("history-system")))
    assert (able.transaction, able.batch) == (False, False)


def test_who_takes_transactions_takes_batches():
    assert capability_of(statement(interaction=codes("transaction"))).batch


def test_what_a_server_says_it_cannot_do_is_believed():
    task = {"type": "Task", "conditionalCreate": False, "updateCreate": False}
    able = capability_of(statement(resource=[task | {"versioning": "versioned"}]))
    assert able.transaction, "no interaction is listed at all"
    said = able.of("Task")
    assert (said.conditional_create, said.update_create) == (False, False)
    assert able.chooses_ids, "the ids of Tasks are the server's anyhow"
    assert not able.guards_versions
    assert said.versioning is Versioning.VERSIONED
    assert able.of("Observation").update_create
    observation = {"type": "Observation", "updateCreate": False}
    able = capability_of(statement(resource=[observation]))
    assert (able.chooses_ids, able.guards_versions) == (False, True)


def test_of_a_client_s_part_nothing_is_taken():
    both = {"rest": [{"mode": "client", "interaction": codes("batch")}, {"mode": "server"}]}
    assert capability_of(both).transaction


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0", None])
def test_r4_r4b_and_silence_are_written_to(version):
    check_version(Capability(fhir_version=version), "http://store")


@pytest.mark.parametrize("version", ["3.0.2", "5.0.0", "1.0.2", ""])
def test_another_version_halts_with_a_remedy(version):
    with pytest.raises(UnsuitableServer) as caught:
        check_version(Capability(fhir_version=version), "http://store")
    assert caught.value.reason is Reason.STORE_FHIR_VERSION


@example([{"interaction": [{"code": []}]}])
@example([{"resource": [{"type": "Task", "versioning": {}}]}])
@given(ANYTHING)
def test_no_statement_is_too_odd(value):
    capability_of(value if isinstance(value, dict) else {"rest": value})
