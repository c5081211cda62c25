# ── Buckets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

locals {
  # inputs and results are the topology's; reference holds the bundles, logs what the load balancer and S3 write.
  buckets = merge(local.topology.buckets, {
    reference = { abort_multipart_days = 8, expire_unclaimed_days = null }
    logs      = { abort_multipart_days = 8, expire_unclaimed_days = null }
  })
  browser_buckets = toset(keys(local.topology.buckets))
}

resource "aws_s3_bucket" "this" {
  # checkov:skip=CKV_AWS_144: A copy in another region doubles the cost; versions and the lifecycle guard against our own mistakes.
  # checkov:skip=CKV2_AWS_62: Nobody waits for events of the other buckets; those of results are in archive.tf.
  for_each      = local.buckets
  bucket        = local.bucket_names[each.key]
  force_destroy = var.force_destroy

  # So that the key outlives them: where a destroy stops at a bucket that is not empty, its objects can still be read.
  depends_on = [aws_kms_key.main]
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = aws_s3_bucket.this
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = aws_s3_bucket.this
  bucket   = each.value.id

  rule {
    bucket_key_enabled = each.key != "logs"

    apply_server_side_encryption_by_default {
      # A load balancer can write its logs only where S3's own key encrypts.
      # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
      sse_algorithm     = each.key == "logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "logs" ? null : aws_kms_key.main.arn
    }
  }
}

# ── Who may, and how ─────────────────────────────────────────────────────────────────────────────────────────────────

locals {
  log_writers = {
    LoadBalancer = { service = "logdelivery.elasticloadbalancing.amazonaws.com", below = "alb/AWSLogs/${local.account_id}/*" }
    Buckets      = { service = "logging.s3.amazonaws.com", below = "*" }
    Vpc          = { service = "delivery.logs.amazonaws.com", below = "AWSLogs/${local.account_id}/*" }
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = aws_s3_bucket.this

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [each.value.arn, "${each.value.arn}/*"]

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

  # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
  dynamic "statement" {
    for_each = each.key == "logs" ? ["delivery.logs.amazonaws.com"] : []

    content {
      sid       = "VpcLooksFirst"
      actions   = ["s3:GetBucketAcl"]
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

  # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
  dynamic "statement" {
    for_each = each.key == "logs" ? local.log_writers : {}

    content {
      sid       = "LogsOf${statement.key}"
      actions   = ["s3:PutObject"]
      resources = ["${each.value.arn}/${statement.value.below}"]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      # The load balancer's deliverer says who it works for in the path only.
      dynamic "condition" {
        for_each = statement.key == "LoadBalancer" ? [] : ["aws:SourceAccount"]

        content {
          test     = "StringEquals"
          variable = condition.value
          values   = [local.account_id]
        }
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each   = aws_s3_bucket.this
  bucket     = each.value.id
  policy     = data.aws_iam_policy_document.bucket[each.key].json
  depends_on = [aws_s3_bucket_public_access_block.this]
}

# Browsers upload parts and read results straight from S3, but only from the site's own pages.
resource "aws_s3_bucket_cors_configuration" "browser" {
  for_each = local.browser_buckets
  bucket   = aws_s3_bucket.this[each.key].id

  cors_rule {
    allowed_origins = [local.site_url]
    allowed_methods = local.topology.buckets[each.key].browser_methods
    allowed_headers = ["*"]
    expose_headers  = local.topology.buckets[each.key].browser_headers
    max_age_seconds = 3000
  }
}

resource "aws_s3_bucket_logging" "this" {
  for_each      = { for name, bucket in aws_s3_bucket.this : name => bucket if name != "logs" }
  bucket        = each.value.id
  target_bucket = aws_s3_bucket.this["logs"].id
  target_prefix = "s3/${each.key}/"
  depends_on    = [aws_s3_bucket_policy.this]
}

# ── What goes by itself ──────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  # checkov:skip=CKV_AWS_300: The first rule does it; checkov cannot work out the topology's number.
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"
    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = each.value.abort_multipart_days
    }
  }

  dynamic "rule" {
    for_each = each.value.expire_unclaimed_days == null ? [] : [each.value.expire_unclaimed_days]

    content {
      id     = "unclaimed-uploads"
      status = "Enabled"

      filter {
        tag {
          # gas/uploads.py: what no job has claimed yet.
          key   = "gas-state"
          value = "unclaimed"
        }
      }
      expiration {
        days = rule.value
      }
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  dynamic "rule" {
    for_each = { for name, days in { inputs = var.input_expiry_days, logs = var.log_retention_days } : name => days if name == each.key && days != null }

    content {
      id     = "old-${rule.key}"
      status = "Enabled"
      filter {}

      expiration {
        days = rule.value
      }
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
