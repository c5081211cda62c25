"""EC2 launch templates, images and the rules of security groups."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.exceptions import InvalidLaunchTemplateIdNotFound
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateBackend, LaunchTemplateVersion
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ec2.responses import EC2Response

from . import ec2_connect, launch_templates

# moto forgets these when an image is registered, so that nobody can tell which hosts it would start on.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RegisterImage.html
KEPT_OF_IMAGES = {
    "Architecture": "architecture",
    "RootDeviceName": "root_device_name",
    "VirtualizationType": "virtualization_type",
}


def _images_keep_what_they_are() -> None:
    register = EC2Response.register_image

    def register_image(self: EC2Response) -> ActionResult:
        answer = register(self)
        image = self.ec2_backend.amis[answer.result["ImageId"]]
        for parameter, attribute in KEPT_OF_IMAGES.items():
            value = self._get_param(parameter)
            if value is not None:
                setattr(image, attribute, value)
        return answer

    EC2Response.register_image = register_image


def _a_template_that_is_gone_is_not_found_by_its_id() -> None:
    delete = LaunchTemplateBackend.delete_launch_template

    # moto says that a name was not found, so that Terraform takes the repeat of a lost answer for a failure.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    def delete_launch_template(self: LaunchTemplateBackend, name: str, tid: str | None) -> LaunchTemplate:
        if not name and tid is not None and tid not in self.launch_templates:
            raise InvalidLaunchTemplateIdNotFound(tid)
        return delete(self, name, tid)

    LaunchTemplateBackend.delete_launch_template = delete_launch_template


def _rules_keep_their_descriptions() -> None:
    create = SecurityGroupRule.__init__

    # moto knows the description of a rule for addresses, and forgets that of one for a group or a prefix list.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SecurityGroupRule.html
    def __init__(self: SecurityGroupRule, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        others = [given for given in args if isinstance(given, dict) and {"GroupId", "PrefixListId"} & given.keys()]
        self.described = next((given["Description"] for given in others if "Description" in given), None)

    def description(self: SecurityGroupRule) -> str | None:
        return self.ip_range.get("Description", self.described)

    SecurityGroupRule.__init__ = __init__
    SecurityGroupRule.description = property(description)


def install() -> None:
    launch_templates.install()
    create = LaunchTemplateVersion.__init__

    # TagSpecifications of type launch-template tag the template itself. moto stores them in the template's data as
    # well, so a second Terraform plan sees a difference.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html
    def __init__(
        self: LaunchTemplateVersion, template: Any, number: int, data: dict[str, Any], description: str
    ) -> None:
        if data.get("TagSpecifications"):
            kept = [spec for spec in data["TagSpecifications"] if spec.get("ResourceType") != "launch-template"]
            data = {**data, "TagSpecifications": kept}
        create(self, template, number, data, description)

    LaunchTemplateVersion.__init__ = __init__
    _images_keep_what_they_are()
    _rules_keep_their_descriptions()
    _a_template_that_is_gone_is_not_found_by_its_id()
    ec2_connect.install()
