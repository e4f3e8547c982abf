"""Settings of retries, probes and logs."""

from pydantic import Field, PositiveFloat, PositiveInt

from oncofhir.settings.base import Group


class RetrySettings(Group):
    """Retries of a failed report, the circuit breaker and the dead-letter limit."""

    attempts: PositiveInt = Field(
        5, description="Attempts before a report that keeps failing is dead-lettered."
    )
    initial_delay_seconds: PositiveFloat = Field(
        0.5, description="Delay before the first retry; it doubles with each retry."
    )
    max_delay_seconds: PositiveFloat = Field(
        30.0, description="Longest delay between two retries, and between two probes in an outage."
    )
    dead_letter_after_seconds: PositiveFloat = Field(
        120.0,
        description="Retry a report for at least this long before it is dead-lettered, while other "
        "reports succeed.",
    )
    circuit_breaker_threshold: PositiveInt = Field(
        5,
        description="Consecutive documents that fail on a dependency before the worker stops reading "
        "and waits for it.",
    )
    max_consecutive_dead_letters: PositiveInt = Field(
        200, description="The worker halts at this many dead letters without a success."
    )
    max_dead_letter_ratio: float = Field(
        0.5,
        gt=0,
        le=1,
        description="The worker halts above this ratio of dead letters in the last 1,000 reports.",
    )


class HttpSettings(Group):
    """The HTTP server of the worker: /live, /ready, /startup and /metrics."""

    host: str = Field(
        "0.0.0.0",  # noqa: S104 - a pod's probes come from outside
        description="Address to listen on for probes and metrics.",
    )
    port: int = Field(8080, ge=0, le=65535, description="Port for probes and metrics.")


class LogSettings(Group):
    """The log of the worker and of the servers."""

    level: str = Field(
        "INFO",
        pattern="^(DEBUG|INFO|WARNING|ERROR)$",
        description="DEBUG, INFO, WARNING or ERROR.",
    )
    format: str = Field(
        "auto",
        pattern="^(auto|json|console)$",
        description="json, console (columns) or auto: console on a terminal, else json.",
    )
