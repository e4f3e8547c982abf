"""HL7 v2 times (DTM, TS) as FHIR dateTime and instant.

Source: HL7 v2.5.1, 2.A.22: `YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`;
http://hl7.org/fhir/R4/datatypes.html#dateTime.
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_DTM = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)"
    r"(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)(?:(?P<second>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?)?)?)?)?"
    r"(?P<offset>[+-]\d{4})?"
)
_MINUTES_OF_A_DAY = 24 * 60


def offset_of(text: str) -> tzinfo | None:
    """Return the offset that a time states; None without one."""
    match = _DTM.fullmatch(text.strip())
    return None if match is None or match["offset"] is None else _zone(match["offset"])


def date_time(text: str, zone: tzinfo) -> str | None:
    """Return a dateTime with the precision of the text; `zone` holds where it states no offset.

    None if the text is no time, or no time that exists. A time without minutes is a date in FHIR.
    """
    match = _DTM.fullmatch(text.strip())
    moment = None if match is None else _moment(match, zone)
    if match is None or moment is None:
        return None
    if match["minute"] is not None:
        return moment.isoformat()
    year, month, day = match["year"], match["month"], match["day"]
    return "-".join(part for part in (year, month, day) if part)


def instant(text: str, zone: tzinfo) -> str | None:
    """Return an instant; None if the text has no day and hour."""
    match = _DTM.fullmatch(text.strip())
    if match is None or match["hour"] is None:
        return None
    moment = _moment(match, zone)
    return None if moment is None else moment.isoformat()


def _moment(match: re.Match[str], zone: tzinfo) -> datetime | None:
    own = _zone(match["offset"]) if match["offset"] else zone
    if own is None:
        return None
    fraction = (match["fraction"] or "").ljust(6, "0")
    try:
        moment = datetime(
            int(match["year"]),
            int(match["month"] or 1),
            int(match["day"] or 1),
            int(match["hour"] or 0),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            int(fraction),
            tzinfo=own,
        )
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def _zone(offset: str) -> tzinfo | None:
    minutes = int(offset[1:3]) * 60 + int(offset[3:])
    if minutes >= _MINUTES_OF_A_DAY or int(offset[3:]) > 59:  # noqa: PLR2004 - minutes of an hour
        return None
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
