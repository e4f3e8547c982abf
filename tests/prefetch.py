"""Fetch Apache Kafka, Apicurio Registry and HAPI FHIR, which the targets `test-…` would fetch: `python -m tests.prefetch`."""

from tests.apache_kafka.jars import jars
from tests.hapi_fhir.server import class_path_of_hapi
from tests.schema_registry.apicurio import program

if __name__ == "__main__":
    jars()
    program()
    class_path_of_hapi()
