"""EC2 Instance Connect Endpoints, which moto does not have: kept and told, nobody can connect through one."""

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response
from moto.ec2.utils import EC2_RESOURCE_TO_PREFIX, add_tag_specification, random_id

PREFIX = "eice"


def _kept(self: EC2Response) -> dict[str, dict[str, Any]]:
    """The endpoints of this account and region by their ids."""
    endpoints: dict[str, dict[str, Any]] = vars(self.ec2_backend).setdefault("instance_connect_endpoints", {})
    return endpoints


def _told(self: EC2Response, endpoint: dict[str, Any]) -> dict[str, Any]:
    tags = self.ec2_backend.describe_tags(filters={"resource-id": [endpoint["InstanceConnectEndpointId"]]})
    return {**endpoint, "Tags": [{"Key": tag["key"], "Value": tag["value"]} for tag in tags]}


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateInstanceConnectEndpoint.html
def create_instance_connect_endpoint(self: EC2Response) -> ActionResult:
    subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
    identity = random_id(prefix=PREFIX)
    endpoint = {
        "OwnerId": self.current_account,
        "InstanceConnectEndpointId": identity,
        "InstanceConnectEndpointArn": f"arn:{self.partition}:ec2:{self.region}:{self.current_account}:"
        f"instance-connect-endpoint/{identity}",
        "State": "create-complete",
        "StateMessage": "",
        "DnsName": f"{identity}.ec2-instance-connect-endpoint.{self.region}.amazonaws.com",
        "NetworkInterfaceIds": [],
        "VpcId": subnet.vpc_id,
        "AvailabilityZone": subnet.availability_zone,
        "CreatedAt": utcnow(),
        "SubnetId": subnet.id,
        "PreserveClientIp": bool(self._get_param("PreserveClientIp", False)),
        "SecurityGroupIds": self._get_param("SecurityGroupIds", []),
    }
    _kept(self)[identity] = endpoint
    tags = add_tag_specification(self._get_param("TagSpecifications", []))
    if tags:
        self.ec2_backend.create_tags([identity], tags)
    return ActionResult({"InstanceConnectEndpoint": _told(self, endpoint)})


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceConnectEndpoints.html
def describe_instance_connect_endpoints(self: EC2Response) -> ActionResult:
    asked = self._get_param("InstanceConnectEndpointIds", []) or list(_kept(self))
    return ActionResult({"InstanceConnectEndpoints": [_told(self, _endpoint(self, identity)) for identity in asked]})


# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInstanceConnectEndpoint.html
def delete_instance_connect_endpoint(self: EC2Response) -> ActionResult:
    endpoint = _endpoint(self, self._get_param("InstanceConnectEndpointId"))
    answer = {**_told(self, endpoint), "State": "delete-in-progress"}
    del _kept(self)[endpoint["InstanceConnectEndpointId"]]
    return ActionResult({"InstanceConnectEndpoint": answer})


def _endpoint(self: EC2Response, identity: str) -> dict[str, Any]:
    found = _kept(self).get(identity)
    if found is None:
        message = f"The instance connect endpoint ID '{identity}' does not exist"
        raise EC2ClientError("InvalidInstanceConnectEndpointId.NotFound", message)
    return found


def install() -> None:
    # CreateTags takes only ids that it knows the prefix of.
    EC2_RESOURCE_TO_PREFIX["instance-connect-endpoint"] = PREFIX
    for operation in (
        create_instance_connect_endpoint,
        describe_instance_connect_endpoints,
        delete_instance_connect_endpoint,
    ):
        setattr(EC2Response, operation.__name__, operation)
