"""`python -m helm.dashboards`: writes the JSON of each dashboard, and prints its path."""

from helm.dashboards.build import FOLDER, dashboards


def main() -> None:
    """Write the files."""
    for name, text in dashboards().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
