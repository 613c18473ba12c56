"""How the console answers with a page: templates, and what every page tells the browser."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from shared.transactions.fields import FIELDS

FOLDER = Path(__file__).parent

# Scripts, styles and requests of this host only; no inline script or style, no frame, no <base>.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    # With no-referrer browsers would send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_templates = Environment(
    loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, undefined=StrictUndefined
)
_templates.globals["transaction_fields"] = FIELDS


def page(template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """The template with these values, everything in them as text."""
    return HTMLResponse(_templates.get_template(template).render(values), status, headers=HEADERS)
