"""A file whose creation was cut off is created again; any other file is left alone."""

import duckdb
import pytest

from oncofhir.settings import KafkaSettings
from oncofhir.warehouse.landing.duckdb_landing import DuckDbLanding
from oncofhir.warehouse.landing.landing import UnusableTarget
from oncofhir.warehouse.landing.tables import landed_tables

TABLES = landed_tables(KafkaSettings())


@pytest.fixture
def created(tmp_path):
    path = tmp_path / "whole.duckdb"
    duckdb.connect(str(path)).close()
    return path.read_bytes()


@pytest.mark.parametrize("length", [0, 12, 4096, 8192, 12287])
def test_a_file_without_its_whole_header_is_created_again(tmp_path, created, length):
    path = tmp_path / "w.duckdb"
    path.write_bytes(created[:length])
    landing = DuckDbLanding.open(path, TABLES)
    landing.close()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert ("phenotypes",) in connection.sql("SHOW TABLES").fetchall()


@pytest.mark.parametrize("content", [b"not a database", b"DUCK is a word", b"\0" * 20_000])
def test_a_file_of_another_kind_is_refused_and_stays(tmp_path, content):
    path = tmp_path / "w.duckdb"
    path.write_bytes(content)
    with pytest.raises(UnusableTarget, match="is not a DuckDB file"):
        DuckDbLanding.open(path, TABLES)
    assert path.read_bytes() == content


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(UnusableTarget, match="is not a DuckDB file"):
        DuckDbLanding.open(tmp_path, TABLES)
