"""An evaluation's result as tables for a person at a terminal."""

from typing import Any

from rich.table import Table

from oncofhir.cli.output import console, plain


def print_tables(result: dict[str, Any]) -> None:
    """Print the scores by phenotype and item, then one line per other measurement."""
    values = plain(result)
    out = console()
    out.print(_scores(values))
    for line in _lines(values):
        out.print(line, markup=False)
    if "baseline" in values:
        differences = values["over_baseline"]
        names = {"first": values["baseline"]["model"]["name"], "second": values["model"]["name"]}
        out.print(_differences(names, differences))
    for one in [values, *([values["baseline"]] if "baseline" in values else [])]:
        if "robustness" in one:
            out.print(_robustness(one["model"]["name"], one["robustness"]), markup=False)


def _scores(values: dict[str, Any]) -> Table:
    model = values["model"]["name"]
    table = _table(
        f"{model}, {values['dataset']['reports']} reports",
        ("", "labels", "precision", "recall", "F1", "95 %", "lenient", "wrong/100"),
    )
    table.caption = "lenient: F1 of related values. wrong/100: wrong findings per 100 right ones."
    scores = values["findings"]
    for name, row in scores["phenotypes"].items():
        table.add_row(name, *_cells(row, values["false_facts"].get(name)))
        parts = [n for n in scores["items"] if n.startswith(f"{name}/")]
        for part in parts:
            table.add_row(
                f"  {part.partition('/')[2]}", *_cells(scores["items"][part]), style="dim"
            )
    table.add_row()
    table.add_row("micro", *_cells(scores["micro"], values["false_facts"]["micro"]))
    macro = scores["macro"]
    table.add_row(
        "macro",
        "",
        "",
        "",
        _number(macro["f1"]),
        _interval(macro),
        _number(macro["f1_lenient"]),
    )
    return table


def _cells(row: dict[str, Any], wrong: dict[str, Any] | None = None) -> list[str]:
    exact = row["exact"]
    return [
        str(row["labels"]),
        *(_number(exact[name]) for name in ("precision", "recall", "f1")),
        _interval(row),
        _number(row["lenient"]["f1"]),
        _of_100(wrong["wrong_per_100_right"]) if wrong else "",
    ]


def _lines(values: dict[str, Any]) -> list[str]:
    diagnosis, paper, cost = values["diagnosis"], values["paper"], values["cost"]
    three = ("exact", "bleu_2", "rouge_l")
    rejected = {reason: n for reason, n in values["grounding"]["rejected"].items() if n}
    return [
        "diagnosis: " + ", ".join(f"{name} {_number(diagnosis[name])}" for name in three),
        "paper's measure, F1: "
        + ", ".join(f"{name} {_number(paper[name]['f1'])}" for name in three),
        "resources by code, F1: " + _resources(values["resources"]),
        f"abstention: {_number(values['abstention']['labels'])} of labelled values",
        _false_facts(values["false_facts"]["micro"]),
        "rejected: " + (", ".join(f"{reason} {n}" for reason, n in rejected.items()) or "none"),
        _calibration(values["calibration"]),
        _cost(cost),
    ]


def _false_facts(values: dict[str, Any]) -> str:
    return f"known absent: {values['absent']} labels, something found at {values['found']} of them"


def _of_100(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def print_case_tables(result: dict[str, Any]) -> None:
    """Print the totals of cases by group, with the wrong findings next to the right ones."""
    values = plain(result)
    table = _table(
        f"{values['model']['name']}, {values['dataset']['cases']} cases",
        ("", "cases", "expected", "right", "wrong", "codes", "recall", "wrong/100"),
    )
    table.caption = "codes: wrong codes. wrong/100: wrong findings per 100 right ones."
    for name, row in values["groups"].items():
        table.add_row(name, *_case_cells(row))
    table.add_row()
    table.add_row("all", *_case_cells(values["totals"]))
    console().print(table)


def _case_cells(row: dict[str, Any]) -> list[str]:
    counts = (str(row[name]) for name in ("cases", "expected", "right", "wrong", "wrong_codes"))
    return [*counts, _number(row["recall"]), _of_100(row["wrong_per_100_right"])]


def _cost(cost: dict[str, Any]) -> str:
    tokens = f"{cost['prompt_tokens_per_report']:.0f} + {cost['generated_tokens_per_report']:.0f}"
    return (
        f"cost: {cost['seconds']:.1f} s, {_number(cost['reports_per_minute'])} reports per minute,"
        f" {_number(cost['model_share'])} of the time in the model server,"
        f" {tokens} tokens per report"
    )


def _resources(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {_number(values[name]['exact']['f1'])}" for name in ("Condition", "Observation")
    )


def _calibration(values: dict[str, Any]) -> str:
    of_what = "calibrated" if values["calibrated"] else "not calibrated"
    return f"confidence, {of_what}: ECE {_number(values['ece'])} over {values['findings']} findings"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _interval(row: dict[str, Any]) -> str:
    between = row["f1_interval"]
    if between is None:
        return _number(None)
    return f"{between['low']:.2f}-{between['high']:.2f}"


def print_differences(values: dict[str, Any]) -> None:
    """Print a comparison of two results."""
    names = {which: values[which]["model"] for which in ("first", "second")}
    console().print(_differences(names, plain(values["differences"])))


def _differences(names: dict[str, str], differences: dict[str, Any]) -> Table:
    table = _table(
        f"F1. A: {names['first']}. B: {names['second']}. Difference: B minus A.",
        ("", "A", "B", "difference", "95 %", "p"),
    )
    for name, row in differences.items():
        between = row["interval"]
        table.add_row(
            name,
            _number(row["first"]),
            _number(row["second"]),
            f"{row['difference']:+.2f}",
            f"{between['low']:+.2f} to {between['high']:+.2f}",
            f"{row['p']:.3f}",
        )
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    """A table of whole words also at 80 columns: names to the left, numbers to the right."""
    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        show_edge=False,
        title=title,
        title_justify="left",
        caption_justify="left",
    )
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=True, justify="right" if number else "left")
    return table


def _robustness(model: str, values: dict[str, Any]) -> str:
    what = f"{model}, {values['kind']} {values['rate']:g}, {values['labels']} labels: "
    if "loss_points" not in values:
        return what + f"{_number(values['after']['kept'])} of the demanded absences kept"
    before, after = values["before"]["macro"]["f1"], values["after"]["macro"]["f1"]
    return what + (
        f"macro F1 {_number(before)} before, {_number(after)} after,"
        f" a loss of {values['loss_points']['macro']:.1f} points"
    )
