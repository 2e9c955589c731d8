"""The pages of a playbook: which there are, and whether each can be read."""

from __future__ import annotations

from collections.abc import Iterator

from jinja2 import TemplateSyntaxError

from shared.runtime.playbook.loader import Book, Mistake
from shared.runtime.playbook.templates import sandbox

PAGES = tuple(
    f"pages/{name}"
    for name in (
        "answered.html", "base.html", "busy.html", "channels.html", "email.html", "email.txt", "faq.html", "gone.html",
        "offer.html", "style.css", "survey.html", "till.html", "till.js", "unsubscribe.html", "unsubscribed.html",
    )
)  # fmt: skip
_FILLED_IN = (".html", ".txt")


def lint(book: Book) -> Iterator[Mistake]:
    """Pages that are not there or that cannot be read."""
    texts = sandbox(book.folder)
    for name in PAGES:
        try:
            text = (book.folder / name).read_text(encoding="utf-8")
            if name.endswith(_FILLED_IN):
                texts.variables(text)
        except FileNotFoundError:
            yield Mistake(name, 1, "", "is missing")
        except OSError as error:
            yield Mistake(name, 1, "", f"cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            yield Mistake(name, error.object.count(b"\n", 0, error.start) + 1, "", "is not UTF-8")
        except TemplateSyntaxError as error:
            yield Mistake(name, error.lineno, "", f"cannot be read: {error.message}")
