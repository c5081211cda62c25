"""SES: identities and configuration sets as Terraform reads them back, and what was sent, kept for reading."""

import base64
import email
import email.policy
import hashlib
import json
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

import moto.sesv2.urls
from moto.core.responses import ActionResult
from moto.ses.exceptions import MessageRejectedError
from moto.ses.models import ConfigurationSet, EmailIdentity, SESBackend
from moto.ses.responses import EmailResponse
from moto.sesv2.responses import SESV2Response

KEPT_MESSAGES = 10_000


@dataclass(frozen=True)
class SentMail:
    """One accepted message, as its recipients would see it."""

    id: str
    sent_at: float
    sender: str
    to: list[str]
    cc: list[str]
    bcc: list[str]
    reply_to: list[str]
    subject: str
    text: str
    html: str
    headers: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    configuration_set: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Outbox:
    """What SES accepted, newest first; the oldest go once there are KEPT_MESSAGES."""

    def __init__(self) -> None:
        self.mails: deque[SentMail] = deque(maxlen=KEPT_MESSAGES)

    def add(self, mail: SentMail) -> None:
        self.mails.appendleft(mail)

    def read(self, to: str | None = None, since: float | None = None) -> list[SentMail]:
        """Mails to an address (in To, Cc or Bcc, any case), sent at or after `since` (epoch seconds)."""
        wanted = (to or "").lower()
        return [
            mail
            for mail in list(self.mails)
            if (since is None or mail.sent_at >= since)
            and (not wanted or any(wanted in address.lower() for address in (*mail.to, *mail.cc, *mail.bcc)))
        ]


outbox = Outbox()


def _data(part: dict[str, Any] | None) -> str:
    return (part or {}).get("Data", "")


def _simple(message_id: str, asked: dict[str, Any], content: dict[str, Any], reply_to: list[str]) -> SentMail:
    destination = asked.get("Destination") or {}
    body = content.get("Body") or {}
    return SentMail(
        id=message_id,
        sent_at=time.time(),
        sender=asked.get("FromEmailAddress") or asked.get("Source") or "",
        to=destination.get("ToAddresses") or [],
        cc=destination.get("CcAddresses") or [],
        bcc=destination.get("BccAddresses") or [],
        reply_to=reply_to,
        subject=_data(content.get("Subject")),
        text=_data(body.get("Text")),
        html=_data(body.get("Html")),
        headers={header["Name"]: header["Value"] for header in content.get("Headers") or []},
        tags={tag["Name"]: tag["Value"] for tag in asked.get("EmailTags") or asked.get("Tags") or []},
        configuration_set=asked.get("ConfigurationSetName") or "",
    )


def _raw(message_id: str, sender: str, destinations: list[str], raw: bytes) -> SentMail:
    parsed = email.message_from_bytes(raw, policy=email.policy.default)

    def body(kind: str) -> str:
        part = parsed.get_body(preferencelist=(kind,))
        return part.get_content() if part is not None else ""

    def addresses(header: str) -> list[str]:
        return [str(address) for address in getattr(parsed[header], "addresses", ())]

    shown = addresses("To") + addresses("Cc")
    return SentMail(
        id=message_id,
        sent_at=time.time(),
        sender=sender or str(parsed["From"]),
        to=addresses("To") or destinations,
        cc=addresses("Cc"),
        bcc=[address for address in destinations if shown and not any(address in seen for seen in shown)],
        reply_to=addresses("Reply-To"),
        subject=str(parsed["Subject"] or ""),
        text=body("plain"),
        html=body("html"),
        headers={name: str(value) for name, value in parsed.items()},
    )


def _keep_what_is_sent() -> None:
    send_v2, send_v1, send_raw_v1 = SESV2Response.send_email, EmailResponse.send_email, EmailResponse.send_raw_email

    def v2(self: SESV2Response) -> str:
        answer = send_v2(self)
        asked, message_id = json.loads(self.body), json.loads(answer)["MessageId"]
        content, destination = asked["Content"], asked.get("Destination") or {}
        if "Raw" in content:
            everybody = [address for addresses in destination.values() for address in addresses]
            raw = base64.b64decode(content["Raw"]["Data"])
            outbox.add(_raw(message_id, asked.get("FromEmailAddress") or "", everybody, raw))
        else:
            outbox.add(_simple(message_id, asked, content["Simple"], asked.get("ReplyToAddresses") or []))
        return answer

    def v1(self: EmailResponse) -> ActionResult:
        answer = send_v1(self)
        asked: dict[str, Any] = dict(self.params)  # type: ignore[call-overload]
        message_id = answer.result["MessageId"]  # type: ignore[index,call-overload]
        outbox.add(_simple(message_id, asked, asked["Message"], asked.get("ReplyToAddresses") or []))
        return answer

    def raw_v1(self: EmailResponse) -> ActionResult:
        answer = send_raw_v1(self)
        asked: dict[str, Any] = dict(self.params)  # type: ignore[call-overload]
        message_id = answer.result["MessageId"]  # type: ignore[index,call-overload]
        raw = asked["RawMessage"]["Data"]
        outbox.add(_raw(message_id, asked.get("Source") or "", asked.get("Destinations") or [], raw))
        return answer

    SESV2Response.send_email, EmailResponse.send_email, EmailResponse.send_raw_email = v2, v1, raw_v1


def _refuse_unverified_senders_in_the_words_of_ses() -> None:
    verified = SESBackend._is_verified_address

    # moto refuses, but with a sentence of its own, and a sender-less raw message is judged twice.
    # https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html
    def _is_verified_address(self: SESBackend, source: str) -> bool:
        if not verified(self, source):
            raise MessageRejectedError(
                "Email address is not verified. The following identities failed the check in region "
                f"{self.region_name.upper()}: {source}"
            )
        return True

    SESBackend._is_verified_address = _is_verified_address
    # moto's DeleteIdentity asks the same question and deletes what is known; an unknown identity is no error.
    # https://docs.aws.amazon.com/ses/latest/APIReference/API_DeleteIdentity.html
    SESBackend.delete_identity = lambda self, identity: self.email_identities.pop(identity, None)


def _answer_as_terraform_reads() -> None:
    set_to_dict, identity_init = ConfigurationSet.to_dict_v2, EmailIdentity.__init__
    identity_response, create_identity = EmailIdentity.get_response_object.fget, SESBackend.create_email_identity_v2

    # moto nests SendingOptions twice and returns empty objects for what was never set.
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetConfigurationSet.html
    def to_dict_v2(self: ConfigurationSet) -> dict[str, Any]:
        answer = set_to_dict(self)
        nested = answer["SendingOptions"]["SendingEnabled"]
        if isinstance(nested, dict):
            answer["SendingOptions"] = nested
        return {key: value for key, value in answer.items() if value or key in ("SendingOptions", "Tags")}

    # moto has no Easy DKIM: no tokens to publish, never signed, never verified. Here DNS is right at once.
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_DkimAttributes.html
    def __init__(self: EmailIdentity, *args: Any, **kwargs: Any) -> None:
        identity_init(self, *args, **kwargs)
        tokens = [hashlib.sha256(f"{self.email_identity}{n}".encode()).hexdigest()[:32] for n in range(3)]
        self.dkim_attributes.update(Tokens=tokens, SigningEnabled=True, Status="SUCCESS")
        self.verified_for_sending_status = True

    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html
    def get_response_object(self: EmailIdentity) -> dict[str, Any]:
        mail_from = getattr(self, "mail_from", None) or {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}
        return {**identity_response(self), "MailFromAttributes": mail_from}

    # moto files tags under another ARN than the one ListTagsForResource is asked with.
    # https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_ListTagsForResource.html
    def create_email_identity_v2(
        self: SESBackend,
        email_identity: str,
        tags: list[dict[str, str]] | None,
        dkim: Any,
        configuration_set: str | None,
    ) -> EmailIdentity:
        identity = create_identity(self, email_identity, tags, dkim, configuration_set)
        if tags:
            self.tagger.tag_resource(
                f"arn:aws:ses:{self.region_name}:{self.account_id}:identity/{email_identity}", tags
            )
        return identity

    ConfigurationSet.to_dict_v2 = to_dict_v2
    EmailIdentity.__init__ = __init__
    EmailIdentity.get_response_object = property(get_response_object)
    SESBackend.create_email_identity_v2 = create_email_identity_v2


# moto has no custom MAIL FROM domain.
# https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_PutEmailIdentityMailFromAttributes.html
def put_email_identity_mail_from_attributes(self: SESV2Response) -> str:
    name = self.parsed_url.path.split("/identities/")[1].split("/")[0]
    asked = json.loads(self.body or "{}")
    identity = self.sesv2_backend.get_email_identity(email_identity=name)
    identity.mail_from = (
        {
            "MailFromDomain": asked["MailFromDomain"],
            "BehaviorOnMxFailure": asked.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE"),
            "MailFromDomainStatus": "SUCCESS",
        }
        if asked.get("MailFromDomain")
        else None
    )
    return "{}"


def install() -> None:
    _keep_what_is_sent()
    _refuse_unverified_senders_in_the_words_of_ses()
    _answer_as_terraform_reads()
    SESV2Response.put_email_identity_mail_from_attributes = put_email_identity_mail_from_attributes
    moto.sesv2.urls.url_paths["{0}/v2/email/identities/(?P<EmailIdentity>[^/]+)/mail-from$"] = SESV2Response.dispatch
