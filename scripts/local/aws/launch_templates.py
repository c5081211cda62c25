"""EC2: a launch template's later versions."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.responses.launch_templates import LaunchTemplates
from moto.ec2.utils import parse_user_data


def install() -> None:
    _user_data_can_be_launched()
    create = LaunchTemplates.create_launch_template_version

    # "The new version inherits the same launch parameters as the source version, except for parameters that you
    # specify." moto keeps only what was specified.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html
    def create_launch_template_version(self: LaunchTemplates) -> ActionResult:
        answer = create(self)
        source = self._get_param("SourceVersion")
        if source:
            template: LaunchTemplate = self.ec2_backend.get_launch_template(
                answer.result["LaunchTemplateVersion"]["LaunchTemplateId"]
            )
            made = template.get_version(answer.result["LaunchTemplateVersion"]["VersionNumber"])
            inherited = template.get_version(source)
            if "TagSpecifications" not in made.data:
                made.instance_tags = inherited.instance_tags
            made.data = {**inherited.data, **made.data}
            answer.result["LaunchTemplateVersion"]["LaunchTemplateData"] = made.data
        return answer

    LaunchTemplates.create_launch_template_version = create_launch_template_version


def _user_data_can_be_launched() -> None:
    create = LaunchTemplate.create_version

    # moto decodes a template's first user data only, and cannot launch with any other.
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RequestLaunchTemplateData.html
    def create_version(self: LaunchTemplate, data: dict[str, Any], description: str) -> LaunchTemplateVersion:
        if isinstance(data.get("UserData"), str):
            data = {**data, "UserData": parse_user_data(data["UserData"])}
        return create(self, data, description)

    LaunchTemplate.create_version = create_version
