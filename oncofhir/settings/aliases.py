"""Settings that were renamed: the old names are still read, and reported so that they can be changed."""

from collections.abc import Iterator, Mapping
from typing import Any

from oncofhir.settings.base import PREFIX, SettingsError, variable_of

# Dotted old name → dotted new name. Both stand in the same group. The names of oncofhir 0.1.0.
RENAMED: Mapping[str, str] = {
    "kafka.diagnostic_report_history_topic": "kafka.diagnostic_report_backfill_topic",
    "kafka.document_reference_history_topic": "kafka.document_reference_backfill_topic",
    "kafka.history_rests_above": "kafka.backfill_pause_above",
    "kafka.max_replay_records": "kafka.max_uncommitted_records",
    "model.min_confidence": "model.minimum_confidence_by_kind",
    "intake.fetch_seconds": "intake.fetch_timeout_seconds",
    "parsing.seconds": "parsing.timeout_seconds",
    "parsing.documents_a_child": "parsing.max_documents_per_process",
    "retry.first_delay_seconds": "retry.initial_delay_seconds",
    "retry.longest_delay_seconds": "retry.max_delay_seconds",
    "retry.give_up_seconds": "retry.dead_letter_after_seconds",
    "retry.breaker_threshold": "retry.circuit_breaker_threshold",
    "retry.dead_letters_in_a_row": "retry.max_consecutive_dead_letters",
    "retry.dead_letter_share": "retry.max_dead_letter_ratio",
    "drain_seconds": "shutdown_timeout_seconds",
}
VARIABLES: Mapping[str, str] = {variable_of(old): variable_of(new) for old, new in RENAMED.items()}


def rename_variables(environment: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the environment with the old variables under their new names; case is kept as given.

    Raises:
        SettingsError: an old and its new variable are both set.
    """
    renamed = dict(environment)
    present = {name.upper() for name in environment}
    for name, value in environment.items():
        new = VARIABLES.get(name.upper())
        if new is None:
            continue
        if new in present:
            raise SettingsError(_both(name.upper(), new))
        del renamed[name]
        renamed[new if name.isupper() else new.lower()] = value
    return renamed


def rename_keys(content: Mapping[str, Any], file: str) -> dict[str, Any]:
    """Return the content of a TOML file with the old keys under their new names.

    Raises:
        SettingsError: an old and its new key both stand in the file.
    """
    renamed = {
        key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()
    }
    for old, new in keys_in_use(content):
        table: dict[str, Any] = renamed
        *groups, old_key = old.split(".")
        for group in groups:
            table = table[group]
        new_key = new.rpartition(".")[2]
        if new_key in table:
            raise SettingsError(f"{file}: {_both(old, new)}")
        table[new_key] = table.pop(old_key)
    return renamed


def keys_in_use(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The old keys in the content of a TOML file, each with its new name."""
    for old, new in RENAMED.items():
        table: Any = content
        *groups, key = old.split(".")
        for group in groups:
            table = table.get(group)
            if not isinstance(table, Mapping):
                break
        else:
            if key in table:
                yield old, new


def variables_in_use(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The old variables that are set, each with its new name."""
    for name in sorted(environment):
        if name.upper().startswith(PREFIX) and name.upper() in VARIABLES:
            yield name, VARIABLES[name.upper()]


def _both(old: str, new: str) -> str:
    return f"{old} was renamed to {new} and both are set: remove {old}"
