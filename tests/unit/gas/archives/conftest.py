"""What the archive backends' tests share."""

from tests.fixtures import aws_environment, deploy, faulty, lines, unique

__all__ = ["aws_environment", "deploy", "faulty", "lines", "unique"]
