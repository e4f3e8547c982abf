"""Every setting: environment `ONCOFHIR_<GROUP>__<NAME>`, and a TOML file named by `ONCOFHIR_CONFIG`.

The environment wins over the file. Unknown keys are refused in both. Secrets are read from files and
are never part of the settings, so printing the settings prints none; URLs are printed without userinfo.
"""

from oncofhir.settings.base import SettingsError
from oncofhir.settings.fhir import (
    ConditionCategory,
    FhirCredentials,
    FhirSettings,
    ObservationStatus,
    StagingSystem,
    Transactions,
    VerificationStatus,
    WriteMode,
)
from oncofhir.settings.intake import IntakeSettings, ParsingSettings
from oncofhir.settings.kafka import KafkaSettings
from oncofhir.settings.loading import (
    CONFIG_FILE_VARIABLE,
    PREFIX,
    Settings,
    known_variables,
    load,
    refuse_own_port,
    refuse_shared_topics,
)
from oncofhir.settings.model import FindingKind, ModelApi, ModelSettings
from oncofhir.settings.operation import HttpSettings, LogSettings, RetrySettings
from oncofhir.settings.printable import shown
from oncofhir.settings.secrets import read_secret

__all__ = [
    "CONFIG_FILE_VARIABLE",
    "PREFIX",
    "ConditionCategory",
    "FhirCredentials",
    "FhirSettings",
    "FindingKind",
    "HttpSettings",
    "IntakeSettings",
    "KafkaSettings",
    "LogSettings",
    "ModelApi",
    "ModelSettings",
    "ObservationStatus",
    "ParsingSettings",
    "RetrySettings",
    "Settings",
    "SettingsError",
    "StagingSystem",
    "Transactions",
    "VerificationStatus",
    "WriteMode",
    "known_variables",
    "load",
    "read_secret",
    "refuse_own_port",
    "refuse_shared_topics",
    "shown",
]
