"""IAM's evaluation of policy statements, as moto applies it to bucket policies."""

from typing import Any

from moto.iam.access_control import IAMPolicyStatement, PermissionResult


def install() -> None:
    permitted = IAMPolicyStatement.is_action_permitted

    # moto reads an unmet Condition on a Deny as a denial, so a bucket that demands TLS refuses everybody. A statement
    # whose condition does not hold does not apply at all; TLS counts as given, because the stand-in is loopback only.
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html
    def is_action_permitted(
        self: IAMPolicyStatement, action: str, resource: str = "*", principal: Any = None, incoming: Any = None
    ) -> PermissionResult:
        condition = self._statement.get("Condition") or {}
        if str(condition.get("Bool", {}).get("aws:SecureTransport", "")).lower() == "false":
            return PermissionResult.NEUTRAL
        if condition and not self._check_conditions(incoming):
            return PermissionResult.NEUTRAL
        return permitted(self, action, resource, principal, incoming)

    IAMPolicyStatement.is_action_permitted = is_action_permitted
