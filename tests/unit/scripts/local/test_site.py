"""Reading the pages that a visitor passes."""

import pytest
import requests

from scripts.local.site import VisitFailed, _good, read_form

PAGE = """
<form id="pick" action="/other"><input type="hidden" name="a" value="wrong"></form>
<form method="get" action="/v2/oauth2/authorize" id="type">
<input type="hidden" name="state" value="a&amp;b&#34;">
<input name="login_as" value="typed">
<input type="hidden" name="empty">
</form>
<input type="hidden" name="outside" value="x">
"""


def test_form_has_its_action_and_its_hidden_fields_only() -> None:
    form = read_form(PAGE, "type")
    assert form.action == "/v2/oauth2/authorize"
    assert form.fields == {"state": 'a&b"', "empty": ""}


def test_missing_form_is_named() -> None:
    with pytest.raises(VisitFailed, match="no form 'absent'"):
        read_form(PAGE, "absent")


def answer(status: int, kind: str, body: str) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers["Content-Type"] = kind
    response._content = body.encode()
    response.url = "http://127.0.0.1:1/annotate?ticket=secret"
    response.request = requests.Request("POST", response.url).prepare()
    return response


def test_a_problem_document_is_told_in_its_own_words() -> None:
    with pytest.raises(VisitFailed, match="413: This file has 60 MB"):
        _good(answer(413, "application/problem+json", '{"detail": "This file has 60 MB."}'))


def test_an_error_page_is_told_as_text_without_its_query() -> None:
    with pytest.raises(VisitFailed) as caught:
        _good(answer(500, "text/html", "<style>p {}</style><h1>Sorry</h1><p>Our fault</p>"))
    assert str(caught.value) == "POST /annotate: 500: Sorry Our fault"
