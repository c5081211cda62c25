import json
import uuid
from pathlib import Path

import pytest

from gas import aws
from tests.conftest import AwsStandIn
from tests.deployment import settings_of


@pytest.mark.parametrize("service", ["s3", "sqs", "sns", "sesv2", "dynamodb"])
def test_clients_have_our_time_limits_and_retries(aws_environment: None, tmp_path: Path, service: str) -> None:
    client = aws.client(settings_of(tmp_path), service)
    config = client.meta.config
    # Above the longest long poll, or every empty receive would end as an error.
    assert config.read_timeout > 20
    assert (config.connect_timeout, config.retries["mode"]) == (5, "standard")
    assert config.signature_version == ("s3v4" if service == "s3" else "v4")
    assert client.meta.region_name == "us-east-1"


def test_credentials_are_kept_until_they_are_forgotten(
    aws_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def key(number: int) -> str:
        # Tests are given the same client for the same patience.
        client = aws.client(settings_of(tmp_path), "s3", aws.Patience(7, 7, number))
        url = client.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
        return url.partition("X-Amz-Credential=")[2].partition("%2F")[0]

    first = key(1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    try:
        assert key(2) == first
        aws.forget_credentials()
        assert key(3) == "AKIAOTHER"
    finally:
        # Nobody after this test shall have the other key.
        aws.forget_credentials()


def test_s3_presigns_with_signature_version_4(aws_environment: None, tmp_path: Path) -> None:
    url = aws.client(settings_of(tmp_path), "s3").generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url


def test_a_table_has_the_deployment_s_name(aws_environment: None, tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert aws.table(settings, "users").name == f"{settings.name_prefix}-users"


def test_the_secret_is_read_once_and_shown_never(faulty: AwsStandIn, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, secrets_name=f"gas/{uuid.uuid4()}")
    value = {"globus_client_id": "id", "globus_client_secret": "hush", "session_key": "key", "later": "more"}
    manager = faulty.client("secretsmanager")
    manager.create_secret(Name=settings.secrets_name, SecretString=json.dumps(value))
    found = aws.secrets(settings)
    assert (found.globus_client_id, found.globus_client_secret, found.session_key) == ("id", "hush", "key")
    assert "hush" not in f"{found!r} {found}"
    faulty.fault(service="secretsmanager", kind="error", code="AccessDeniedException")
    assert aws.secrets(settings) is found


def test_a_field_that_the_secret_lacks_is_named(faulty: AwsStandIn, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, secrets_name=f"gas/{uuid.uuid4()}")
    faulty.client("secretsmanager").create_secret(Name=settings.secrets_name, SecretString='{"globus_client_id": "x"}')
    with pytest.raises(KeyError, match="globus_client_secret"):
        aws.secrets(settings)
