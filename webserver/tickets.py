"""Upload tickets: what the server said about one upload, signed, for the browser to keep and show again.

There is no state on the server until a job exists, so an upload survives a restart of either side.
"""

from dataclasses import asdict, dataclass
from hashlib import sha256

from itsdangerous import BadData, URLSafeSerializer

from gas.storage import input_key

# The lifecycle rule for unfinished multipart uploads must leave them at least this long.
TICKET_SECONDS = 7 * 86_400
# Tickets of another version of this form are refused as unknown, never misread.
_SALT = "gas.upload-ticket.1"


class TicketRefused(Exception):
    """Not a ticket that this site has given out, or not to this user."""


class TicketExpired(Exception):
    """A ticket of this user, too old to be used."""


@dataclass(frozen=True)
class Ticket:
    """One upload: whose it is, the job it will become, and how the file is cut.

    `name` and `size` (bytes) are what the browser declared; a ticket for a plain form has neither, nor an
    `upload_id`. `expires_at` in epoch seconds.
    """

    user_id: str
    job_id: str
    expires_at: int
    name: str | None = None
    size: int = 0
    part_size: int = 0
    upload_id: str | None = None

    @property
    def key(self) -> str:
        """The object's key in the inputs bucket."""
        return input_key(self.user_id, self.job_id)

    @property
    def part_count(self) -> int:
        """The number of parts; 0 for a plain form."""
        return -(-self.size // self.part_size) if self.part_size else 0


def sign(ticket: Ticket, session_key: str) -> str:
    """The ticket as text that fits an address; nobody can change it, its holder can read it."""
    return str(_serializer(session_key).dumps(asdict(ticket)))


def read(text: str, user_id: str, session_key: str, now: float) -> Ticket:
    """The ticket behind the text. Raises TicketRefused, also for another user's, and TicketExpired."""
    try:
        ticket = Ticket(**_serializer(session_key).loads(text))
    except (BadData, TypeError) as error:
        raise TicketRefused from error
    if ticket.user_id != user_id:
        raise TicketRefused
    if ticket.expires_at <= now:
        raise TicketExpired
    return ticket


def _serializer(session_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(session_key, salt=_SALT, signer_kwargs={"digest_method": sha256})
