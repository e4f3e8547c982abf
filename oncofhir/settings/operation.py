"""How the worker retries, answers probes and logs."""

from pydantic import Field, PositiveFloat, PositiveInt

from oncofhir.settings.base import Group


class RetrySettings(Group):
    """Retries of one report while others succeed. Seconds."""

    attempts: PositiveInt = 5
    first_delay_seconds: PositiveFloat = 0.5
    longest_delay_seconds: PositiveFloat = 30.0
    give_up_seconds: PositiveFloat = Field(
        120.0, description="a report that others overtake is retried at least this long"
    )
    breaker_threshold: PositiveInt = Field(
        5, description="documents that fail in a row before the stream is paused"
    )
    dead_letters_in_a_row: PositiveInt = Field(
        200, description="the worker halts at this many dead letters without a success"
    )
    dead_letter_share: float = Field(
        0.5, gt=0, le=1, description="the worker halts above this share of the last 1,000 reports"
    )


class HttpSettings(Group):
    """Where the worker answers probes and metrics."""

    host: str = "0.0.0.0"  # noqa: S104 - a pod's probes come from outside
    port: int = Field(8080, ge=0, le=65535)


class LogSettings(Group):
    """How the worker logs."""

    level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    format: str = Field("auto", pattern="^(auto|json|console)$")
