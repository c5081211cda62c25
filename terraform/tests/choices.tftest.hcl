# What each variable changes.

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

run "a_small_one" {
  command = plan

  variables {
    name_prefix         = "gas-test"
    egress              = "public"
    web_min             = 1
    deletion_protection = false
    force_destroy       = true
    free_window_seconds = 60
    input_expiry_days   = 30
    settings            = { GAS_SWEEP_SECONDS = "5", GAS_BUNDLE = "yeast" }
    tags                = { project = "test" }
  }

  assert {
    condition     = aws_sqs_queue.event["archive"].name == "gas-test-archive" && aws_secretsmanager_secret.web.name == "gas-test/web"
    error_message = "name_prefix is not the first part of every name."
  }
  assert {
    condition     = length(aws_nat_gateway.main) == 0 && length(aws_vpc_endpoint.interface) == 0 && length(local.nat_of) == 0 && alltrue(values(local.public_address))
    error_message = "egress = public should make neither NAT nor interface endpoints, and give hosts public addresses."
  }
  assert {
    condition     = aws_sqs_queue.event["archive"].delay_seconds == 60
    error_message = "A shorter window should shorten the archive's delay too."
  }
  assert {
    condition     = aws_ssm_parameter.setting["/gas-test/env/common/GAS_SWEEP_SECONDS"].value == "5" && aws_ssm_parameter.setting["/gas-test/env/common/GAS_BUNDLE"].value == "yeast"
    error_message = "settings do not reach the hosts, or do not win."
  }
  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : !table.deletion_protection_enabled]) && alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy]) && !aws_lb.web.enable_deletion_protection
    error_message = "What should be easy to destroy is not."
  }
  assert {
    condition     = contains([for rule in aws_s3_bucket_lifecycle_configuration.this["inputs"].rule : rule.id], "old-inputs") && !contains([for rule in aws_s3_bucket_lifecycle_configuration.this["results"].rule : rule.id], "old-results")
    error_message = "input_expiry_days should expire inputs, and only those."
  }
  assert {
    condition     = length(aws_autoscaling_policy.wake) == 1 && aws_autoscaling_policy.wake[0].adjustment_type == "ExactCapacity" && one(aws_autoscaling_policy.wake[0].step_adjustment).scaling_adjustment == 1
    error_message = "Nothing would wake the first annotator of a group that stands at 0."
  }
  assert {
    condition     = length(aws_scheduler_schedule.touch) == 1
    error_message = "After six quiet hours CloudWatch would see the first waiting job a quarter of an hour late."
  }
  assert {
    condition     = local.host_tags.web == { Name = "gas-test-web", project = "test", "gas:role" = "web", "gas:name-prefix" = "gas-test", "gas:version" = "0.1.0" }
    error_message = "A host could not find its role and its settings by its tags."
  }
}

run "a_large_one" {
  command = plan

  variables {
    zone_count                     = 3
    egress                         = "nat-per-zone"
    annotator_min                  = 2
    annotator_max                  = 40
    annotator_backlog_per_instance = 7
    annotator_on_demand_base       = 2
    web_requests_per_target        = 1234
    archive_backend                = "glacier-vault"
    account_has_vaults             = true
    mail_from                      = "Core facility <gas@other.example>"
  }

  assert {
    condition     = length(aws_subnet.private) == 3 && length(aws_nat_gateway.main) == 3 && alltrue([for zone, nat in local.nat_of : zone == nat])
    error_message = "Each of three zones should have its own NAT gateway."
  }
  assert {
    condition     = length(distinct(concat([for subnet in aws_subnet.private : subnet.cidr_block], [for subnet in aws_subnet.public : subnet.cidr_block]))) == 6
    error_message = "Subnets overlap."
  }
  assert {
    condition     = length(aws_autoscaling_policy.wake) == 0 && length(aws_scheduler_schedule.touch) == 0
    error_message = "A group that never stands at 0 needs nobody to wake it."
  }
  assert {
    condition     = aws_autoscaling_policy.annotator.target_tracking_configuration[0].target_value == 7 && aws_autoscaling_policy.web.target_tracking_configuration[0].target_value == 1234
    error_message = "Scaling aims at something else than was asked."
  }
  assert {
    condition     = [for metric in aws_autoscaling_policy.annotator.target_tracking_configuration[0].customized_metric_specification[0].metrics : metric.expression if metric.return_data] == ["backlog / in_service"]
    error_message = "Annotators should be counted by waiting jobs for each one in service."
  }
  assert {
    condition     = one(one(aws_glacier_vault.archive).notification).events == toset(["ArchiveRetrievalCompleted"]) && aws_ssm_parameter.setting["/gas/env/common/GAS_ARCHIVE_BACKEND"].value == "glacier-vault"
    error_message = "The vault does not tell when an archive is there, or hosts do not know of it."
  }
  assert {
    condition     = length(aws_route53_record.mail) == 0 && output.dns_records.bounce.name == "bounce.other.example"
    error_message = "Records of a domain that is not in the zone must be told, not made."
  }
}

run "confined_annotators" {
  command = plan

  variables {
    egress          = "endpoints"
    zone_id         = null
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/0aa0a0a0-0000-0000-0000-000000000000"
  }

  assert {
    condition     = toset(keys(aws_vpc_security_group_egress_rule.https)) == toset(["utility", "web"]) && length(aws_vpc_security_group_egress_rule.gateways) == 2
    error_message = "Annotators should reach S3, DynamoDB and the interface endpoints, and nothing else."
  }
  assert {
    condition     = length(aws_nat_gateway.main) == 0 && !local.public_address.annotator && local.public_address.web
    error_message = "Annotators should have no way to the internet, and web hosts a public address."
  }
  assert {
    condition     = length(aws_acm_certificate.site) == 0 && length(aws_route53_record.site) == 0 && output.dns_records.site.name == "gas.example.org"
    error_message = "With a certificate and DNS elsewhere, nothing of either is to be made, and the site's record is to be told."
  }
}
