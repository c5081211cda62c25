# ── Web: requests a minute and host ──────────────────────────────────────────────────────────────────────────────────

resource "aws_autoscaling_policy" "web" {
  name                   = "requests-per-target"
  autoscaling_group_name = module.web.group_name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    target_value = var.web_requests_per_target

    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${aws_lb.web.arn_suffix}/${aws_lb_target_group.web.arn_suffix}"
    }
  }
}

# ── Annotators: waiting jobs and host ────────────────────────────────────────────────────────────────────────────────

locals {
  backlog_metric = {
    namespace  = "AWS/SQS"
    name       = "ApproximateNumberOfMessagesVisible"
    dimensions = { QueueName = aws_sqs_queue.event["job-requests"].name }
  }
  in_service_metric = {
    namespace  = "AWS/AutoScaling"
    name       = "GroupInServiceInstances"
    dimensions = { AutoScalingGroupName = module.annotator.group_name }
  }
}

# Metric math on what AWS measures anyway; nothing of ours has to run for it.
# https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-target-tracking-metric-math.html
resource "aws_autoscaling_policy" "annotator" {
  name                      = "backlog-per-instance"
  autoscaling_group_name    = module.annotator.group_name
  policy_type               = "TargetTrackingScaling"
  estimated_instance_warmup = var.annotator_warmup_seconds

  target_tracking_configuration {
    target_value = var.annotator_backlog_per_instance

    customized_metric_specification {
      dynamic "metrics" {
        for_each = {
          backlog    = { label = "waiting jobs", stat = "Sum", metric = local.backlog_metric }
          in_service = { label = "annotators in service", stat = "Average", metric = local.in_service_metric }
        }

        content {
          id          = metrics.key
          label       = metrics.value.label
          return_data = false

          metric_stat {
            stat = metrics.value.stat

            metric {
              namespace   = metrics.value.metric.namespace
              metric_name = metrics.value.metric.name

              dynamic "dimensions" {
                for_each = metrics.value.metric.dimensions

                content {
                  name  = dimensions.key
                  value = dimensions.value
                }
              }
            }
          }
        }
      }

      metrics {
        id          = "backlog_per_instance"
        label       = "waiting jobs for each annotator"
        expression  = "backlog / in_service"
        return_data = true
      }
    }
  }
}

# ── Annotators: the first one ────────────────────────────────────────────────────────────────────────────────────────

# A quotient by nought is no figure, so the policy above cannot wake a group that stands at 0. This one does.
resource "aws_autoscaling_policy" "wake" {
  count                     = var.annotator_min == 0 ? 1 : 0
  name                      = "wake-the-first"
  autoscaling_group_name    = module.annotator.group_name
  policy_type               = "StepScaling"
  adjustment_type           = "ExactCapacity"
  estimated_instance_warmup = var.annotator_warmup_seconds

  step_adjustment {
    metric_interval_lower_bound = 0
    scaling_adjustment          = 1
  }
}

resource "aws_cloudwatch_metric_alarm" "wake" {
  count               = length(aws_autoscaling_policy.wake)
  alarm_name          = "${local.name}-wake-annotators"
  alarm_description   = "Not for people: a job waits and no annotator runs, so one is started."
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = aws_autoscaling_policy.wake[*].arn

  metric_query {
    id          = "asleep"
    label       = "jobs that wait for the first annotator"
    expression  = "IF(FILL(in_service, 0) < 1, backlog, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { backlog = local.backlog_metric, in_service = local.in_service_metric }

    content {
      id = metric_query.key

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = 60
        stat        = "Maximum"
      }
    }
  }
}

# CloudWatch stops measuring a queue that nobody has touched for six hours, and needs up to fifteen minutes to begin
# again. With no annotator to ask it for messages, this touches it: the tag is one that it has.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/monitoring-using-cloudwatch.html
resource "aws_scheduler_schedule" "touch" {
  # checkov:skip=CKV_AWS_297: Nothing in it is secret.
  count               = length(aws_autoscaling_policy.wake)
  name                = "${local.name}-touch-job-requests"
  description         = "Keeps the queue measured while no annotator runs"
  schedule_expression = "rate(1 hours)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    # Scheduler calls no API that only reads.
    arn      = "arn:${local.partition}:scheduler:::aws-sdk:sqs:tagQueue"
    role_arn = aws_iam_role.touch[0].arn
    input    = jsonencode({ QueueUrl = aws_sqs_queue.event["job-requests"].id, Tags = { "gas:name-prefix" = local.name } })
  }
}

resource "aws_iam_role" "touch" {
  count       = length(aws_autoscaling_policy.wake)
  name        = "${local.name}-touch-job-requests"
  description = "The schedule that keeps the queue measured"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "touch" {
  count = length(aws_autoscaling_policy.wake)
  name  = "touch"
  role  = aws_iam_role.touch[0].id

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sqs:TagQueue", Resource = aws_sqs_queue.event["job-requests"].arn }]
  })
}
