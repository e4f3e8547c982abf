"""Writes the generated reference pages: `python -m docs.generate`. A test fails when one is out of date."""

from docs.generate.pages import FOLDER, pages


def main() -> None:
    """Write every page, and print its path."""
    for name, text in pages().items():
        path = FOLDER / name
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
