"""A small browser for WSGI applications: cookies, the headers that real browsers send, no network."""

import io
import json
import urllib.error
import urllib.parse
import urllib.request
import wsgiref.util
import wsgiref.validate
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any


@dataclass
class Answer:
    """What the application answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return self.header("Location") or ""


@dataclass
class Browser:
    """Talks to one application as a browser would to `site_url`; follows no redirect by itself."""

    app: Any
    site_url: str
    cookies: dict[str, str] = field(default_factory=dict)
    cookie_headers: list[str] = field(default_factory=list)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, b"", headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """A form posted by a page of the site itself."""
        sent = {"Sec-Fetch-Site": "same-origin", "Origin": self.site_url, **headers}
        sent["Content-Type"] = "application/x-www-form-urlencoded"
        return self.request("POST", path, urllib.parse.urlencode(form or {}).encode(), sent)

    def post_json(self, path: str, body: Any, **headers: str) -> Answer:
        sent = {"Sec-Fetch-Site": "same-origin", "Accept": "application/json", **headers}
        sent["Content-Type"] = "application/json"
        return self.request("POST", path, json.dumps(body).encode(), sent)

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        parts = urllib.parse.urlsplit(path)
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": urllib.parse.unquote(parts.path, "latin-1"),
            "QUERY_STRING": parts.query,
            "HTTP_HOST": urllib.parse.urlsplit(self.site_url).netloc,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        if self.cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        # Keyword arguments cannot have dashes: Sec_Fetch_Site means Sec-Fetch-Site.
        for name, value in headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
        wsgiref.util.setup_testing_defaults(environ)
        caught: dict[str, Any] = {}

        def start_response(status: str, answer_headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            caught.update(status=int(status.split()[0]), headers=answer_headers)
            return lambda _: None

        chunks = wsgiref.validate.validator(self.app)(environ, start_response)
        try:
            content = b"".join(chunks)
        finally:
            chunks.close()  # type: ignore[attr-defined]
        answer = Answer(caught["status"], caught["headers"], content)
        self._keep_cookies(answer)
        return answer

    def sign_in(self, login: str, next_path: str = "/annotations") -> Answer:
        """All of a sign-in; returns the callback's answer."""
        begun = self.get(f"/login?next={urllib.parse.quote(next_path, safe='')}")
        assert begun.status == 303, begun.text
        return self.get(self.at_globus(begun.location, login))

    def at_globus(self, authorize_url: str, login: str, **changes: str) -> str:
        """Visit Globus as `login`; returns path and query that it sends the browser back to."""
        parts = urllib.parse.urlsplit(authorize_url)
        query = dict(urllib.parse.parse_qsl(parts.query)) | {"login_as": login} | changes
        back = redirect_of(parts._replace(query=urllib.parse.urlencode(query)).geturl())
        assert back.startswith(f"{self.site_url}/authcallback?"), back
        return back.removeprefix(self.site_url)

    def _keep_cookies(self, answer: Answer) -> None:
        for line in answer.all("Set-Cookie"):
            self.cookie_headers.append(line)
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def redirect_of(url: str) -> str:
    """Where a server sends whoever asks for `url`."""
    try:
        answer = urllib.request.build_opener(_NoRedirect).open(url, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        if answer.headers.get("Location"):
            return str(answer.headers["Location"])
        raise AssertionError(f"{url} did not redirect but answered {answer.status}: {answer.read()[:500]!r}")
