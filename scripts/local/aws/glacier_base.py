"""What every Glacier operation needs: the vault that is meant, the body, AWS's form of answer and of error."""

import json
import threading
import uuid
from typing import Any

from moto.glacier.responses import GlacierResponse

from .glacier_vault import Vault

Answer = tuple[int, dict[str, str], Any]
lock = threading.RLock()


class GlacierError(Exception):
    """https://docs.aws.amazon.com/amazonglacier/latest/dev/api-error-responses.html"""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def invalid(message: str) -> GlacierError:
    return GlacierError(400, "InvalidParameterValueException", message)


def missing(name: str) -> GlacierError:
    return GlacierError(400, "MissingParameterValueException", f"Required parameter missing: {name}")


def not_found(message: str) -> GlacierError:
    return GlacierError(404, "ResourceNotFoundException", message)


class Operations(GlacierResponse):
    """One method an operation, found by botocore's own model of the service; one at a time."""

    def call_action(self) -> Any:
        try:
            with lock:
                return super().call_action()
        except GlacierError as error:
            body = {"code": error.code, "message": str(error), "type": "Client"}
            return self._json(body, error.status, {"x-amzn-ErrorType": error.code})

    # --- what the operations share

    @property
    def vaults(self) -> dict[str, Vault]:
        return self.glacier_backend.vaults

    def _name(self) -> str:
        return self.parsed_url.path.split("/vaults/")[1].split("/")[0]

    def _arn(self, name: str) -> str:
        return f"arn:aws:glacier:{self.region}:{self.current_account}:vaults/{name}"

    def _vault(self) -> Vault:
        vault = self.vaults.get(self._name())
        if vault is None:
            raise not_found(f"Vault not found for ARN: {self._arn(self._name())}")
        return vault

    def _last(self) -> str:
        return self.parsed_url.path.rstrip("/").split("/")[-1]

    def _asked(self) -> dict[str, Any]:
        try:
            return json.loads(self.body or b"{}")
        except ValueError:
            raise invalid("Invalid JSON") from None

    def _json(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
        own = {"content-type": "application/json", "x-amzn-RequestId": uuid.uuid4().hex}
        return status, {**own, "status": str(status), **(headers or {})}, json.dumps(content)

    def _empty(self, status: int = 204, headers: dict[str, str] | None = None) -> Answer:
        return status, {"x-amzn-RequestId": uuid.uuid4().hex, "status": str(status), **(headers or {})}, ""

    def _page(self, name: str, entries: list[dict[str, Any]], key: str, most: int = 50, **more: Any) -> Answer:
        """A listing by `limit` and `marker`, which is the key of the next entry."""
        limit = min(int(self.querystring.get("limit", [most])[0]), 1000)
        marker = self.querystring.get("marker", [""])[0]
        keys = [entry[key] for entry in entries]
        first = keys.index(marker) if marker in keys else 0
        following = keys[first + limit] if len(keys) > first + limit else None
        return self._json({**more, "Marker": following, name: entries[first : first + limit]})
