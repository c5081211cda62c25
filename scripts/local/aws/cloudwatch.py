"""CloudWatch."""

from moto.cloudwatch.responses import CloudWatchResponse


def install() -> None:
    # moto has no PutCompositeAlarm, though PutMetricAlarm keeps an AlarmRule and DescribeAlarms tells the two apart.
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm
