# What a plan promises, without an account: no call leaves this machine.

mock_provider "aws" {
  override_during = plan
  source          = "./tests/mocks"
}

variables {
  region      = "eu-central-1"
  domain_name = "gas.example.org"
  zone_id     = "Z0123456789ABCDEFGHIJ"
  ami_id      = "ami-0123456789abcdef0"
}

# One run: each is a plan, and takes seconds.
run "defaults" {
  command = plan

  # Names are those that processes build.
  assert {
    condition     = toset([for topic in aws_sns_topic.event : topic.name]) == toset([for name in local.topology.topics : "gas-${name}"])
    error_message = "A topic is missing, or is not called PREFIX-NAME."
  }
  assert {
    condition     = alltrue([for name, queue in aws_sqs_queue.event : queue.name == "gas-${name}" && aws_sqs_queue.dead_letter[name].name == "gas-${name}-dlq"])
    error_message = "A queue is not called PREFIX-NAME, or its dead letters not PREFIX-NAME-dlq."
  }
  assert {
    condition     = toset([for table in aws_dynamodb_table.this : table.name]) == toset(["gas-annotations", "gas-sessions", "gas-shares", "gas-users", "gas-webhook-secrets", "gas-webhooks"])
    error_message = "The tables are not those of the topology."
  }
  assert {
    condition     = toset([for bucket in aws_s3_bucket.this : bucket.bucket]) == toset(["gas-inputs-111122223333", "gas-logs-111122223333", "gas-reference-111122223333", "gas-results-111122223333"])
    error_message = "A bucket is not called PREFIX-NAME-ACCOUNT."
  }

  # Queues are as the topology says.
  assert {
    condition     = alltrue([for name, queue in local.topology.queues : aws_sqs_queue.event[name].visibility_timeout_seconds == queue.visibility_seconds && aws_sqs_queue.event[name].delay_seconds == queue.delay_seconds])
    error_message = "A queue differs from gas/topology.json."
  }
  assert {
    condition     = alltrue([for name, queue in local.topology.queues : jsondecode(aws_sqs_queue.event[name].redrive_policy).maxReceiveCount == queue.max_receives])
    error_message = "A queue gives up after another number of receives than gas/topology.json says."
  }
  assert {
    condition     = alltrue([for name, subscription in aws_sns_topic_subscription.queue : subscription.raw_message_delivery])
    error_message = "Processes read messages raw, without SNS's wrapper."
  }

  # Hosts read every setting that they require.
  assert {
    condition     = aws_ssm_parameter.setting["/gas/env/common/GAS_SITE_URL"].value == "https://gas.example.org"
    error_message = "Hosts do not learn the site's address."
  }
  assert {
    condition     = aws_ssm_parameter.setting["/gas/env/common/GAS_RESULTS_BUCKET"].value == aws_s3_bucket.this["results"].bucket
    error_message = "Hosts would look for results in another bucket than there is."
  }
  assert {
    condition     = aws_ssm_parameter.setting["/gas/env/web/GAS_WEB_PORT"].value == tostring(aws_lb_target_group.web.port)
    error_message = "Web servers listen elsewhere than the load balancer asks."
  }
  assert {
    condition     = alltrue([for parameter in aws_ssm_parameter.setting : length(parameter.value) > 0])
    error_message = "Parameter Store keeps no empty value."
  }

  # Nothing is open.
  assert {
    condition     = alltrue([for block in aws_s3_bucket_public_access_block.this : block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets])
    error_message = "A bucket could be made public."
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.balancer : rule.from_port]) == toset([80, 443]) && alltrue([for rule in values(aws_vpc_security_group_ingress_rule.ssh) : rule.cidr_ipv4 == null])
    error_message = "More than the load balancer's two ports is open to everybody."
  }
  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && startswith(aws_lb_listener.https.ssl_policy, "ELBSecurityPolicy-TLS13-1-2-Res-")
    error_message = "Plain HTTP is served, or an old TLS."
  }
  assert {
    condition     = alltrue([for rules in aws_s3_bucket_cors_configuration.browser : one(rules.cors_rule).allowed_origins == toset(["https://gas.example.org"])])
    error_message = "Pages of other sites may reach the buckets from a browser."
  }
  assert {
    condition     = one(aws_s3_bucket_cors_configuration.browser["results"].cors_rule).allowed_methods == toset(["GET", "HEAD"]) && contains(one(aws_s3_bucket_cors_configuration.browser["results"].cors_rule).expose_headers, "Content-Range")
    error_message = "A page may do more with results than read them, or cannot read them by ranges."
  }
  assert {
    condition     = aws_lb_target_group.web.deregistration_delay == "35" && aws_lb_target_group.web.health_check[0].path == "/healthz"
    error_message = "The load balancer does not wait for as long as a web server drains."
  }

  # Nothing is lost.
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.deletion_protection_enabled && table.point_in_time_recovery[0].enabled && table.billing_mode == "PAY_PER_REQUEST"])
    error_message = "A table can be deleted by mistake, or has no way back in time."
  }
  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "A bucket keeps no versions."
  }
  assert {
    condition     = alltrue([for name, topic in aws_s3_bucket_notification.results.topic : contains(topic.events, "s3:ObjectRestore:Completed")])
    error_message = "Nobody is told when a restored object is there."
  }
  assert {
    condition     = length(aws_glacier_vault.archive) == 0
    error_message = "A vault is made though the archive is S3's."
  }
}
