"""Every setting: environment `ONCOFHIR_<GROUP>__<NAME>`, and a TOML file named by `ONCOFHIR_CONFIG`.

The environment wins over the file. Both refuse unknown keys. Secrets are read from files and are never
part of the settings, so that printing the settings prints none; URLs are printed without userinfo.
"""

from oncofhir.settings.base import PREFIX, SettingsError
from oncofhir.settings.bridge import BridgeSettings
from oncofhir.settings.example import example_file
from oncofhir.settings.fhir import (
    ConditionCategory,
    ConfidenceOutput,
    FhirCredentials,
    FhirSettings,
    ObservationStatus,
    StagingSystem,
    Transactions,
    VerificationStatus,
    WriteMode,
)
from oncofhir.settings.ingest.hl7v2 import Hl7v2Settings
from oncofhir.settings.ingest.mllp import MllpSettings
from oncofhir.settings.intake import IntakeSettings, ParsingSettings
from oncofhir.settings.kafka import KafkaSettings, RowFormat
from oncofhir.settings.loading import (
    CONFIG_FILE_VARIABLE,
    Settings,
    deprecated_in_use,
    known_variables,
    load,
    refuse_own_port,
    refuse_shared_topics,
)
from oncofhir.settings.model import FindingKind, ModelApi, ModelSettings
from oncofhir.settings.operation import HttpSettings, LogSettings, RetrySettings
from oncofhir.settings.printable import describe_settings, setting_infos
from oncofhir.settings.review import ReviewSettings, WorklistSettings
from oncofhir.settings.secrets import read_secret, read_token
from oncofhir.settings.tracing import TracingSettings

__all__ = [
    "CONFIG_FILE_VARIABLE",
    "PREFIX",
    "BridgeSettings",
    "ConditionCategory",
    "ConfidenceOutput",
    "FhirCredentials",
    "FhirSettings",
    "FindingKind",
    "Hl7v2Settings",
    "HttpSettings",
    "IntakeSettings",
    "KafkaSettings",
    "LogSettings",
    "MllpSettings",
    "ModelApi",
    "ModelSettings",
    "ObservationStatus",
    "ParsingSettings",
    "RetrySettings",
    "ReviewSettings",
    "RowFormat",
    "Settings",
    "SettingsError",
    "StagingSystem",
    "TracingSettings",
    "Transactions",
    "VerificationStatus",
    "WorklistSettings",
    "WriteMode",
    "deprecated_in_use",
    "describe_settings",
    "example_file",
    "known_variables",
    "load",
    "read_secret",
    "read_token",
    "refuse_own_port",
    "refuse_shared_topics",
    "setting_infos",
]
