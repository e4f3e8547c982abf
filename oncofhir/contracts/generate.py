"""Writes the published contracts: `python -m oncofhir.contracts.generate [FOLDER]`; needs py-avro-schema."""

import json
import sys
from pathlib import Path
from typing import Any

from oncofhir import __version__
from oncofhir.contracts.asyncapi import asyncapi
from oncofhir.contracts.avro import avro_schema
from oncofhir.contracts.catalog import FOLDER, MODELS, file_name
from oncofhir.contracts.json_schema import json_schema
from oncofhir.contracts.kinds import Format
from oncofhir.settings import KafkaSettings


def documents() -> dict[str, dict[str, Any]]:
    """Return every published document by its file name."""
    made: dict[str, dict[str, Any]] = {}
    for contract, model in MODELS.items():
        made[file_name(contract, Format.JSON_SCHEMA)] = json_schema(model, contract.value)
        made[file_name(contract, Format.AVRO)] = avro_schema(model)
    made["asyncapi.json"] = asyncapi(KafkaSettings(), __version__)
    return made


def rendered(document: dict[str, Any]) -> str:
    """Return a document as it is committed."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all documents to the folder, by default the package's own."""
    default = Path(__file__).with_name(FOLDER)
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    folder.mkdir(exist_ok=True)
    for name, document in documents().items():
        folder.joinpath(name).write_text(rendered(document), encoding="utf-8")


if __name__ == "__main__":
    main()
