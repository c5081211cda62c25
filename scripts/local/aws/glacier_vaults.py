"""Glacier's operations on vaults and on what is set for them: tags, policy, notifications, lock."""

import datetime
import re
import uuid
from typing import Any

from .glacier_base import Answer, GlacierError, Operations, invalid, not_found
from .glacier_vault import MOST_TAGS, Vault, now_text

EVENTS = ("ArchiveRetrievalCompleted", "InventoryRetrievalCompleted")
LOCK_HOURS = 24


class VaultOperations(Operations):
    def list_vaults(self) -> Answer:
        described = [self.vaults[name].described() for name in sorted(self.vaults)]
        return self._page("VaultList", described, "VaultARN", most=10)

    def create_vault(self) -> Answer:
        name = self._name()
        if not re.fullmatch(r"[\w.-]{1,255}", name, re.ASCII):
            raise invalid(f"Invalid vault name: {name}")
        self.vaults.setdefault(name, Vault(name, self._arn(name)))
        return self._empty(201, {"Location": f"/{self.current_account}/vaults/{name}"})

    def describe_vault(self) -> Answer:
        return self._json(self._vault().described())

    def delete_vault(self) -> Answer:
        vault = self.vaults.get(self._name())
        if vault is not None:
            if not vault.is_deletable():
                raise invalid(f"Vault not empty or recently written to: {vault.arn}")
            del self.vaults[vault.name]
        return self._empty()

    def add_tags_to_vault(self) -> Answer:
        vault = self._vault()
        merged = {**vault.tags, **self._asked().get("Tags", {})}
        if len(merged) > MOST_TAGS:
            raise GlacierError(400, "LimitExceededException", f"A vault has at most {MOST_TAGS} tags")
        vault.tags = merged
        return self._empty()

    def remove_tags_from_vault(self) -> Answer:
        vault = self._vault()
        for key in self._asked().get("TagKeys", []):
            vault.tags.pop(key, None)
        return self._empty()

    def list_tags_for_vault(self) -> Answer:
        return self._json({"Tags": self._vault().tags})

    def set_vault_access_policy(self) -> Answer:
        self._vault().policy = {"Policy": self._asked().get("Policy")}
        return self._empty()

    def get_vault_access_policy(self) -> Answer:
        vault = self._vault()
        return self._set_thing(vault, vault.policy, "vault access policy")

    def delete_vault_access_policy(self) -> Answer:
        self._vault().policy = None
        return self._empty()

    def set_vault_notifications(self) -> Answer:
        asked = self._asked()
        if not asked.get("Events") or any(event not in EVENTS for event in asked["Events"]):
            raise invalid(f"Invalid notification events: {asked.get('Events')}")
        self._vault().notifications = {"SNSTopic": asked.get("SNSTopic"), "Events": asked["Events"]}
        return self._empty()

    def get_vault_notifications(self) -> Answer:
        vault = self._vault()
        return self._set_thing(vault, vault.notifications, "notification configuration")

    def delete_vault_notifications(self) -> Answer:
        self._vault().notifications = None
        return self._empty()

    def _set_thing(self, vault: Vault, thing: dict[str, Any] | None, name: str) -> Answer:
        if thing is None:
            raise not_found(f"No {name} is set for: {vault.arn}")
        return self._json(thing)

    # https://docs.aws.amazon.com/amazonglacier/latest/dev/vault-lock.html
    def initiate_vault_lock(self) -> Answer:
        vault = self._vault()
        if vault.lock is not None:
            raise invalid(f"A vault lock is already set for: {vault.arn}")
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=LOCK_HOURS)
        vault.lock = {
            "Policy": self._asked().get("Policy"),
            "State": "InProgress",
            "CreationDate": now_text(),
            "ExpirationDate": now_text(expires),
            "id": uuid.uuid4().hex,
        }
        return self._empty(201, {"x-amz-lock-id": vault.lock["id"]})

    def get_vault_lock(self) -> Answer:
        vault = self._vault()
        shown = vault.lock and {name: value for name, value in vault.lock.items() if name != "id"}
        return self._set_thing(vault, shown, "vault lock policy")

    def abort_vault_lock(self) -> Answer:
        vault = self._vault()
        if vault.lock is not None and vault.lock["State"] == "Locked":
            raise invalid(f"The vault is locked: {vault.arn}")
        vault.lock = None
        return self._empty()

    def complete_vault_lock(self) -> Answer:
        vault = self._vault()
        if vault.lock is None or vault.lock["id"] != self._last():
            raise invalid(f"Invalid lock ID: {self._last()}")
        vault.lock["State"] = "Locked"
        vault.lock.pop("ExpirationDate", None)
        return self._empty()
