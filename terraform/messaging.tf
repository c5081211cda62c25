# ── Topics ───────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_sns_topic" "event" {
  for_each          = toset(local.topology.topics)
  name              = "${local.name}-${each.key}"
  kms_master_key_id = aws_kms_key.main.arn
}

# Processes publish by their role's policy. Besides them, only the archive may, and only to the topic of thaws.
data "aws_iam_policy_document" "topic" {
  for_each = aws_sns_topic.event

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sns:Publish"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
  dynamic "statement" {
    for_each = each.key == "job-thaws" ? ["s3.amazonaws.com"] : []

    content {
      sid       = "RestoredObjects"
      actions   = ["sns:Publish"]
      resources = [each.value.arn]

      principals {
        type        = "Service"
        identifiers = [statement.value]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account_id]
      }
    }
  }

  # A vault publishes for the account that owns it, as every topic allows that has no policy of its own.
  # https://docs.aws.amazon.com/amazonglacier/latest/dev/configuring-notifications.html
  dynamic "statement" {
    for_each = each.key == "job-thaws" && local.uses_vault ? [local.account_id] : []

    content {
      sid       = "RetrievedArchives"
      actions   = ["sns:Publish"]
      resources = [each.value.arn]

      principals {
        type        = "AWS"
        identifiers = ["*"]
      }
      condition {
        test     = "StringEquals"
        variable = "AWS:SourceOwner"
        values   = [statement.value]
      }
    }
  }
}

resource "aws_sns_topic_policy" "event" {
  for_each = aws_sns_topic.event
  arn      = each.value.arn
  policy   = data.aws_iam_policy_document.topic[each.key].json
}

# ── Queues and their dead letters ────────────────────────────────────────────────────────────────────────────────────

resource "aws_sqs_queue" "dead_letter" {
  for_each                  = local.topology.queues
  name                      = "${local.name}-${each.key}-dlq"
  message_retention_seconds = local.topology.message_retention_seconds
  kms_master_key_id         = aws_kms_key.main.arn
}

resource "aws_sqs_queue" "event" {
  for_each                   = local.topology.queues
  name                       = "${local.name}-${each.key}"
  visibility_timeout_seconds = each.value.visibility_seconds
  # Who shortens the window to try things out means the archive too.
  delay_seconds             = min(each.value.delay_seconds, var.free_window_seconds)
  message_retention_seconds = local.topology.message_retention_seconds
  receive_wait_time_seconds = 20
  kms_master_key_id         = aws_kms_key.main.arn

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = each.value.max_receives
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letter" {
  for_each  = aws_sqs_queue.dead_letter
  queue_url = each.value.id

  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.event[each.key].arn]
  })
}

# Nothing but its own topic may send to a queue, and nobody without TLS.
data "aws_iam_policy_document" "queue" {
  for_each = aws_sqs_queue.event

  statement {
    sid       = "FromItsTopic"
    actions   = ["sqs:SendMessage"]
    resources = [each.value.arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.event[local.topology.queues[each.key].topic].arn]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [each.value.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "event" {
  for_each  = aws_sqs_queue.event
  queue_url = each.value.id
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

resource "aws_sns_topic_subscription" "queue" {
  for_each             = aws_sqs_queue.event
  topic_arn            = aws_sns_topic.event[local.topology.queues[each.key].topic].arn
  protocol             = "sqs"
  endpoint             = each.value.arn
  raw_message_delivery = true
}
