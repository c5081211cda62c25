# ── Tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_dynamodb_table" "this" {
  # checkov:skip=CKV_AWS_119: A key that AWS owns encrypts them, free of charge. With a key of ours, losing the key would lose the tables.
  for_each                    = local.topology.tables
  name                        = "${local.name}-${each.key}"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = each.value.hash_key
  deletion_protection_enabled = var.deletion_protection

  dynamic "attribute" {
    for_each = each.value.attributes

    content {
      name = attribute.key
      type = attribute.value
    }
  }

  dynamic "global_secondary_index" {
    for_each = each.value.indexes

    content {
      name               = global_secondary_index.key
      hash_key           = global_secondary_index.value.hash_key
      range_key          = global_secondary_index.value.range_key
      projection_type    = can(global_secondary_index.value.includes) ? "INCLUDE" : "ALL"
      non_key_attributes = try(global_secondary_index.value.includes, null)
    }
  }

  dynamic "ttl" {
    for_each = try([each.value.ttl_attribute], [])

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  # Any second of the last 35 days can be brought back: docs/runbook.md says how.
  point_in_time_recovery {
    enabled = true
  }
}

# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────

resource "aws_secretsmanager_secret" "web" {
  # checkov:skip=CKV2_AWS_57: Globus has no way to rotate a client's secret by program; docs/runbook.md has the steps by hand.
  name                    = local.secret_name
  description             = "Globus client and session key of the web server"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = var.deletion_protection ? 7 : 0
}

# Written once, and never kept in the state: the session key is made up here, the Globus client is put in by hand
# (docs/terraform.md, "Globus"). Terraform never looks at the value again.
resource "aws_secretsmanager_secret_version" "web" {
  secret_id                = aws_secretsmanager_secret.web.id
  secret_string_wo_version = 1

  secret_string_wo = jsonencode({
    globus_client_id     = "not-set"
    globus_client_secret = "not-set"
    session_key          = "${uuid()}${uuid()}"
  })
}
