"""EC2 launch templates."""

from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplateVersion

from . import launch_templates


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
