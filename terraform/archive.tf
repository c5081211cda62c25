# ── Where free users' results go ─────────────────────────────────────────────────────────────────────────────────────

# Backend "s3-glacier" needs nothing of its own: objects of class GLACIER in the results bucket.

resource "aws_glacier_vault" "archive" {
  count         = local.uses_vault ? 1 : 0
  name          = local.vault_name
  access_policy = data.aws_iam_policy_document.vault.json

  notification {
    sns_topic = aws_sns_topic.event["job-thaws"].arn
    events    = ["ArchiveRetrievalCompleted"]
  }

  depends_on = [aws_sns_topic_policy.event]
}

data "aws_iam_policy_document" "vault" {
  statement {
    sid       = "NobodyElse"
    effect    = "Deny"
    actions   = ["glacier:*"]
    resources = ["arn:${local.partition}:glacier:${var.region}:${local.account_id}:vaults/${local.vault_name}"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
    condition {
      test     = "StringNotEquals"
      variable = "aws:PrincipalAccount"
      values   = [local.account_id]
    }
  }
}

# ── Restored objects announce themselves ─────────────────────────────────────────────────────────────────────────────

# With either backend: who changes from one to the other still has results in the first.
resource "aws_s3_bucket_notification" "results" {
  bucket = aws_s3_bucket.this["results"].id

  topic {
    topic_arn = aws_sns_topic.event["job-thaws"].arn
    events    = ["s3:ObjectRestore:Completed"]
  }

  depends_on = [aws_sns_topic_policy.event]
}
