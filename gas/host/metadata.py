"""The instance metadata service, version 2 only."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import urllib3
from ec2_metadata import EC2Metadata
from urllib3.exceptions import HTTPError

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
LINK_LOCAL = "http://169.254.169.254"
# The SDKs' own name for another address.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html
ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
TRIES = 3


class NoMetadata(Exception):
    """The service does not answer, or not with what was asked for; str() is a sentence."""


def connect(environment: Mapping[str, str] = os.environ) -> EC2Metadata:
    """What this instance is; each attribute is asked for when it is read (within `asking`)."""
    address = environment.get(ENDPOINT, LINK_LOCAL).rstrip("/")
    metadata = EC2Metadata(urllib3.PoolManager(retries=urllib3.Retry(TRIES - 1, backoff_factor=0.2)))
    metadata.service_url = f"{address}/latest/"
    metadata.metadata_url = f"{metadata.service_url}meta-data/"
    metadata.dynamic_url = f"{metadata.service_url}dynamic/"
    return metadata


@contextmanager
def asking(metadata: EC2Metadata) -> Iterator[None]:
    """Inside, the service's silence and its refusals are NoMetadata."""
    try:
        yield
    except HTTPError as error:
        raise NoMetadata(f"The instance metadata service at {metadata.service_url} failed: {error}.") from error
