"""The stand-in's own pages, under `/_standin/`: what AWS would never show, for tests and for people trying GAS."""

import html
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from moto.moto_api._internal import moto_api_backend

from . import faults, ses, snapshot
from .files import store
from .timers import timers

Answer = tuple[str, str, str]

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Outbox</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta http-equiv="refresh" content="5">
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }}
body {{ max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }}
article {{ border: 1px solid color-mix(in srgb, currentColor 20%, transparent); border-radius: .6rem;
  padding: .8rem 1.1rem; margin: 1rem 0; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.05rem; margin: 0; }}
.meta {{ opacity: .7; font-size: .875rem; margin: .1rem 0 .6rem; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0; }}
</style></head><body><h1>Outbox</h1>
<p>Mail that this machine's stand-in for SES accepted; nothing left the machine. The page renews itself.</p>
{articles}</body></html>"""


def _outbox_json(query: dict[str, str], body: Any) -> Answer:
    since = float(query["since"]) if "since" in query else None
    return _json([mail.as_dict() for mail in ses.outbox.read(query.get("to"), since)])


def _outbox_page(query: dict[str, str], body: Any) -> Answer:
    articles = [
        f"<article><h2>{html.escape(mail.subject)}</h2>"
        f'<p class="meta">{time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(mail.sent_at))} · from '
        f"{html.escape(mail.sender)} · to {html.escape(', '.join((*mail.to, *mail.cc, *mail.bcc)))}</p>"
        f"<pre>{_linked(html.escape(mail.text or mail.html))}</pre></article>"
        for mail in ses.outbox.read(query.get("to"))
    ]
    return "200 OK", "text/html; charset=utf-8", PAGE.format(articles="".join(articles) or "<p>No mail yet.</p>")


def _linked(escaped: str) -> str:
    return re.sub(r"(?<!\S)https?://\S+", r'<a href="\g<0>">\g<0></a>', escaped)


def _json(answer: Any) -> Answer:
    return "200 OK", "application/json", json.dumps(answer)


def _health(query: dict[str, str], body: Any) -> Answer:
    """`saved`: whether everything is on disk (null without --data)."""
    kept = snapshot.active
    return _json({"status": "ok", "saved": None if kept is None else kept.up_to_date})


def _add_fault(query: dict[str, str], body: Any) -> Answer:
    if not isinstance(body, dict):
        raise ValueError("A fault is a JSON object.")
    return _json(faults.faults.add(body).as_dict())


def _list_faults(query: dict[str, str], body: Any) -> Answer:
    return _json([rule.as_dict() for rule in faults.faults.rules])


def _clear_faults(query: dict[str, str], body: Any) -> Answer:
    faults.faults.clear()
    return _json({})


def _reset(query: dict[str, str], body: Any) -> Answer:
    """Back to an account without anything in it."""
    timers.load([])
    moto_api_backend.reset()
    store.delete_all_but(set())
    ses.outbox.mails.clear()
    faults.faults.clear()
    return _json({})


ROUTES: dict[tuple[str, str], Callable[[dict[str, str], Any], Answer]] = {
    ("GET", "/_standin/health"): _health,
    ("GET", "/_standin/outbox"): _outbox_json,
    ("GET", "/_standin/outbox.html"): _outbox_page,
    ("GET", "/_standin/faults"): _list_faults,
    ("POST", "/_standin/faults"): _add_fault,
    ("DELETE", "/_standin/faults"): _clear_faults,
    ("POST", "/_standin/reset"): _reset,
}


def answer(environ: dict[str, Any]) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    route = ROUTES.get((method, path))
    if route is None:
        known = ", ".join(f"{method} {path}" for method, path in ROUTES)
        return "404 Not Found", "text/plain; charset=utf-8", f"The stand-in has no such page. It has: {known}\n"
    query = {key: values[-1] for key, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    try:
        return route(query, json.loads(raw) if raw else None)
    except (ValueError, TypeError) as error:
        return "400 Bad Request", "text/plain; charset=utf-8", f"{error}\n"
