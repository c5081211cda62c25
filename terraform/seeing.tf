# ── What is watched ──────────────────────────────────────────────────────────────────────────────────────────────────

module "seeing" {
  source = "./modules/seeing"

  name            = local.name
  region          = var.region
  topology        = local.topology
  log_group_names = local.log_group_names
  bucket_names    = local.bucket_names
  load_balancer   = aws_lb.web.arn_suffix
  target_group    = aws_lb_target_group.web.arn_suffix
  annotator_max   = var.annotator_max
  retrieval_tier  = var.retrieval_tier
  runbook_url     = var.runbook_url
}

resource "aws_cloudwatch_dashboard" "main" {
  dashboard_name = local.name
  dashboard_body = module.seeing.dashboard
}

# What our processes log as an error, whichever library it comes from.
resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each       = module.seeing.error_metrics
  name           = "errors"
  log_group_name = local.log_group_names[each.key]
  pattern        = "{ ($.level = \"error\") || ($.level = \"critical\") }"

  metric_transformation {
    name          = each.value
    namespace     = module.seeing.namespace
    value         = "1"
    default_value = "0"
  }

  depends_on = [module.web, module.annotator, module.utility]
}

# ── Who is told ──────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_sns_topic" "alarms" {
  name              = "${local.name}-alarms"
  kms_master_key_id = aws_kms_key.main.arn
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsOfThisAccount"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "alarms" {
  count     = var.alarm_email == null ? 0 : 1
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.alarm_email
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = module.seeing.alarms
  alarm_name          = "${local.name}-${each.key}"
  alarm_description   = each.value.description
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = each.value.periods
  treat_missing_data  = each.value.silence
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  dynamic "metric_query" {
    for_each = each.value.expression == null ? [] : [each.value.expression]

    content {
      id          = "judged"
      label       = each.key
      expression  = metric_query.value
      return_data = true
    }
  }

  dynamic "metric_query" {
    for_each = each.value.metrics

    content {
      id          = metric_query.key
      return_data = each.value.expression == null

      metric {
        namespace   = metric_query.value.namespace
        metric_name = metric_query.value.name
        dimensions  = metric_query.value.dimensions
        period      = each.value.period
        stat        = each.value.stat
      }
    }
  }
}

# ── What takes a release back ────────────────────────────────────────────────────────────────────────────────────────

# An instance refresh that sees one of these goes back to the version before. By name: the alarms need the groups.
locals {
  rollback_alarms = { for role, alarms in {
    web       = ["site-down", "site-errors"]
    annotator = ["jobs-given-up", "job-requests-fails"]
    utility   = ["archive-fails", "notify-fails"]
  } : role => [for alarm in alarms : "${local.name}-${alarm}"] }
}

output "alarm_topic_arn" {
  description = "Topic that all alarms go to; subscribe whatever pages you."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_url" {
  description = "The dashboard."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.main.dashboard_name}"
}
