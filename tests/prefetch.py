"""Fetch Apache Kafka and HAPI FHIR, which `make test-kafka` and `make test-hapi` would fetch: `python -m tests.prefetch`."""

from tests.apache_kafka.jars import jars
from tests.hapi_fhir.server import class_path_of_hapi

if __name__ == "__main__":
    jars()
    class_path_of_hapi()
