"""Rows in Avro: what is written is read, and no bytes make the reader fail in an unexpected way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oncofhir.contracts.avro_codec import decode, encode, parsed
from oncofhir.contracts.catalog import published
from oncofhir.contracts.examples import outcome_row, phenotype_row
from oncofhir.contracts.kinds import Contract, Format
from oncofhir.contracts.registry.framing import frame, is_framed, unframe
from oncofhir.contracts.registry.row_decoder import RowDecoder, UnknownSchema
from oncofhir.schemas.outcome import OutcomeRow, PhenotypeRow

SCHEMAS = {
    contract: parsed(published(contract, Format.AVRO))
    for contract in (Contract.PHENOTYPE, Contract.OUTCOME)
}
TEXT = st.text(max_size=20)
SURROGATES_FREE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(
    value=SURROGATES_FREE,
    number=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    revision=st.integers(0, 2**62),
    slot=st.none() | SURROGATES_FREE,
)
def test_a_row_is_read_as_it_was_written(value, number, revision, slot):
    row = phenotype_row().model_copy(
        update={"value": value, "number": number, "revision": revision, "slot": slot}
    )
    schema = SCHEMAS[Contract.PHENOTYPE]
    read = decode(encode(row, schema), schema)
    assert PhenotypeRow.model_validate_json(json.dumps(read)) == row


@given(counts=st.dictionaries(SURROGATES_FREE, st.integers(0, 9), max_size=3))
def test_counts_are_read_as_they_were_written(counts):
    row = outcome_row().model_copy(update={"rejected": counts})
    schema = SCHEMAS[Contract.OUTCOME]
    assert OutcomeRow.model_validate_json(json.dumps(decode(encode(row, schema), schema))) == row


@given(data=st.binary(max_size=200))
def test_any_other_bytes_are_no_row(data):
    for schema in SCHEMAS.values():
        try:
            read = decode(data, schema)
        except ValueError:
            continue
        json.dumps(read, allow_nan=False)


@given(cut=st.integers(0, 10_000), flip=st.integers(0, 10_000))
def test_a_damaged_row_is_a_row_or_refused(cut, flip):
    schema = SCHEMAS[Contract.PHENOTYPE]
    whole = bytearray(encode(phenotype_row(), schema))
    whole[flip % len(whole)] ^= 0xFF
    try:
        json.dumps(decode(bytes(whole[: cut % len(whole)]), schema), allow_nan=False)
    except ValueError:
        return


@given(schema_id=st.integers(0, 2**32 - 1), datum=st.binary(max_size=50))
def test_framing_comes_back(schema_id, datum):
    assert is_framed(frame(schema_id, datum))
    assert unframe(frame(schema_id, datum)) == (schema_id, datum)


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\0\0\0", b"{}", b"\1\0\0\0\1x"])
def test_what_is_not_framed_says_so(value):
    with pytest.raises(ValueError, match="no registry framing"):
        unframe(value)


def test_without_a_registry_json_is_read_and_a_framed_value_is_of_an_unknown_schema():
    decoder = RowDecoder(None)
    assert decoder.json(b'{"a": 1}') == b'{"a": 1}'
    with pytest.raises(UnknownSchema):
        decoder.json(frame(1, b""))


@pytest.mark.parametrize("schema", [{}, {"type": "record"}, {"type": "no-such-type"}, {"type": []}])
def test_what_is_no_avro_schema_says_so(schema):
    with pytest.raises(ValueError, match="not an Avro schema"):
        parsed(schema)
