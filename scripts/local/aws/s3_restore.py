"""S3's RestoreObject for the Glacier storage classes: it takes its time, once, and the copy expires.

moto's is done at once, any number of times, knows no tier and no version, and completes its event only when someone
looks at the object.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

import datetime
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import xmltodict
from moto.core.responses import ActionResult
from moto.s3 import notifications
from moto.s3.exceptions import MalformedXML, MissingKey, MissingVersion, S3ClientError
from moto.s3.models import ARCHIVE_STORAGE_CLASSES, FakeKey
from moto.s3.notifications import S3NotificationEvent
from moto.s3.responses import S3Response

from . import settings
from .s3 import lock
from .s3_request import find_bucket
from .timers import timers

# Slow to fast; a running restore may be asked for again with a faster tier.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-upgrade-retrieval.html
TIERS = ("Bulk", "Standard", "Expedited")
FINISH, EXPIRE = "s3-restore", "s3-restore-expiry"
DAY_SECONDS = 86_400


class RestoreAlreadyInProgress(S3ClientError):
    code = "RestoreAlreadyInProgress"
    message = "Object restore is already in progress"


class RestoreNotAllowed(S3ClientError):
    code = "InvalidObjectState"
    message = "Restore is not allowed for the object's current storage class"


class InvalidTier(S3ClientError):
    code = "InvalidArgument"
    message = "Retrieval option is not supported by this storage class"


@dataclass
class Restore:
    """On `FakeKey.restore_of`: a restore under way, or the temporary copy that it made."""

    id: str
    tier: str
    days: int
    ongoing: bool = True
    expires_at: datetime.datetime | None = None

    def header(self) -> str:
        if self.ongoing or self.expires_at is None:
            return 'ongoing-request="true"'
        return f'ongoing-request="false", expiry-date="{self.expires_at:%a, %d %b %Y %H:%M:%S GMT}"'

    def set_expiry(self) -> float:
        """Sets the end of the copy's life and returns the seconds until then.

        S3 adds the days and rounds up to the next midnight (UTC); with shortened days there is no rounding.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
        """
        day = settings.seconds("RESTORE_DAY")
        now = datetime.datetime.now(datetime.UTC)
        end = now + datetime.timedelta(seconds=self.days * day)
        if day == DAY_SECONDS:
            end = (end + datetime.timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.expires_at = end
        return (end - now).total_seconds()


def _restore_of(key: FakeKey) -> Restore | None:
    return getattr(key, "restore_of", None)


def _asked(body: bytes | str) -> tuple[int, str]:
    try:
        request = xmltodict.parse(body)["RestoreRequest"] or {}
        days = int(request["Days"])
    except (KeyError, ValueError, TypeError, xmltodict.expat.ExpatError):
        raise MalformedXML from None
    parameters = request.get("GlacierJobParameters") or {}
    tier = parameters.get("Tier") or request.get("Tier") or "Standard"
    if days < 1 or tier not in TIERS:
        raise MalformedXML
    return days, tier


def restore_object(self: S3Response, body: bytes | str, key_name: str) -> Any:
    version = self.querystring.get("versionId", [None])[0]
    key = self.backend.get_object(self.bucket_name, key_name, version_id=version)
    if key is None:
        raise MissingVersion if version else MissingKey(key=key_name)
    if key.storage_class not in ARCHIVE_STORAGE_CLASSES:
        raise RestoreNotAllowed
    days, tier = _asked(body)
    if key.storage_class == "DEEP_ARCHIVE" and tier == "Expedited":
        raise InvalidTier
    restore = _restore_of(key)
    if restore is not None and not restore.ongoing:
        restore.days = days
        _schedule(EXPIRE, restore.set_expiry(), key, restore)
        return self.serialized(ActionResult({}))
    if restore is not None and TIERS.index(tier) <= TIERS.index(restore.tier):
        raise RestoreAlreadyInProgress
    key.restore_of = Restore(uuid.uuid4().hex, tier, days)
    _schedule(FINISH, settings.seconds(f"RESTORE_{tier.upper()}"), key, key.restore_of)
    if restore is None:
        _tell(S3NotificationEvent.OBJECT_RESTORE_POST_EVENT, key)
    return _with_status(self, 202, {})


def _with_status(self: S3Response, status: int, result: Any) -> Any:
    _, headers, body = self.serialized(ActionResult(result))
    return status, {**headers, "status": str(status)}, body


def _schedule(kind: str, after_seconds: float, key: FakeKey, restore: Restore) -> None:
    timers.schedule(
        after_seconds,
        kind,
        bucket_name=key.bucket_name,
        key_name=key.name,
        version_id=key.version_id,
        restore_id=restore.id,
    )


def _tell(event: S3NotificationEvent, key: FakeKey) -> None:
    bucket = find_bucket(key.bucket_name or "")
    if bucket is not None:
        notifications.send_event(key.account_id, event, bucket, key)


def _find(bucket_name: str, key_name: str, version_id: str, restore_id: str) -> FakeKey | None:
    """The object, if it is still the one whose restore the timer was set for."""
    bucket = find_bucket(bucket_name)
    for key in bucket.keys.getlist(key_name, []) if bucket is not None else []:
        restore = _restore_of(key)
        if str(key.version_id) == version_id and restore is not None and restore.id == restore_id:
            return key
    return None


def _finish(**which: str) -> None:
    with lock:
        key = _find(**which)
        if key is None:
            return
        restore: Restore = key.restore_of
        restore.ongoing = False
        _schedule(EXPIRE, restore.set_expiry(), key, restore)
        _tell(S3NotificationEvent.OBJECT_RESTORE_COMPLETED_EVENT, key)


def _expire(**which: str) -> None:
    with lock:
        key = _find(**which)
        # A second request may have prolonged the copy's life; its own timer will come.
        if key is None or key.restore_of.expires_at > datetime.datetime.now(datetime.UTC):
            return
        _tell(S3NotificationEvent.OBJECT_RESTORE_DELETE_EVENT, key)
        key.restore_of = None


def _headers_tell_the_restore() -> None:
    original = FakeKey.response_dict.fget

    def response_dict(self: FakeKey) -> dict[str, Any]:
        headers = original(self)
        restore = _restore_of(self)
        return headers if restore is None else {**headers, "x-amz-restore": restore.header()}

    FakeKey.response_dict = property(response_dict)


def _events_tell_version_and_restore() -> None:
    original = notifications._get_s3_event

    # moto leaves out the version, the restore's data, and encodes the slashes of the key.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
    def get_s3_event(event_name: str, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        event = original(event_name, bucket, key, notification_id)
        record = event["Records"][0]
        record["s3"]["object"]["key"] = quote_plus(key.name, safe="/")
        record["s3"]["object"]["sequencer"] = uuid.uuid4().hex[:16].upper()
        if bucket.is_versioned:
            record["s3"]["object"]["versionId"] = key.version_id
        restore = _restore_of(key)
        if record["eventName"] == "ObjectRestore:Completed" and restore is not None and restore.expires_at:
            record["glacierEventData"] = {
                "restoreEventData": {
                    "lifecycleRestorationExpiryTime": restore.expires_at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                    "lifecycleRestoreStorageClass": key.storage_class,
                }
            }
        return event

    notifications._get_s3_event = get_s3_event


def _posts_come_here() -> None:
    original = S3Response._key_response_post

    def key_response_post(
        self: S3Response, request: Any, body: Any, bucket_name: str, query: dict[str, Any], key_name: str
    ) -> Any:
        if "restore" not in query:
            return original(self, request, body, bucket_name, query, key_name)
        self._set_action("KEY", "POST", query)
        self._authenticate_and_authorize_s3_action(bucket_name=bucket_name, key_name=key_name)
        self.data["Action"] = "RestoreObject"
        try:
            return restore_object(self, body, key_name)
        except RestoreAlreadyInProgress as error:
            # botocore's model states no status for this error, so moto's serialiser would take 400.
            return _with_status(self, 409, error)

    S3Response._key_response_post = key_response_post


def install() -> None:
    timers.handlers[FINISH] = _finish
    timers.handlers[EXPIRE] = _expire
    _headers_tell_the_restore()
    _events_tell_version_and_restore()
    _posts_come_here()
