"""What all of moto's services share: memory and time that every request costs."""

import moto.backends
import moto.iam.models
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.common_models import BaseModel
from moto.iam.models import iam_backends


def account_of(access_key: str) -> str:
    """The account that an access key belongs to; a key that IAM does not know belongs to the default account."""
    for account_id, partitions in list(iam_backends.items()):
        if any(access_key in backend.access_keys for backend in list(partitions.values())):
            return account_id
    return DEFAULT_ACCOUNT_ID


def install() -> None:
    # moto keeps a list of every object it ever made, for its dashboard: deleted messages and items never leave memory.
    BaseModel.__new__ = lambda cls, *args, **kwargs: object.__new__(cls)

    # moto reads its own source folder at every request.
    modules = tuple(moto.backends.list_of_moto_modules())
    moto.backends.list_of_moto_modules = lambda: modules

    # moto makes an IAM for each of AWS's six partitions, with its thousand managed policies, to look up the first key.
    visited = moto.iam.models.mark_account_as_visited

    def mark_account_as_visited(account_id: str, access_key: str, service: str, region: str) -> None:
        if iam_backends.get(account_id):
            visited(account_id, access_key, service, region)

    moto.iam.models.get_account_id_from = account_of
    moto.iam.models.mark_account_as_visited = mark_account_as_visited
