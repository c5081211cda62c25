# What is refused at plan, with a sentence.

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

run "values_that_make_no_sense" {
  command = plan

  variables {
    name_prefix                    = "GAS"
    tags                           = { "cost centre" = "1" }
    domain_name                    = "https://gas.example.org/"
    zone_id                        = "example.org"
    mail_from                      = "nobody"
    rate_limit                     = 1
    vpc_cidr                       = "10.0.0.0/28"
    zone_count                     = 1
    egress                         = "none"
    ami_id                         = "latest"
    max_instance_lifetime_days     = 0
    settings                       = { PATH = "/bin" }
    web_min                        = 0
    web_requests_per_target        = 0
    annotator_instance_types       = []
    annotator_min                  = 3
    annotator_max                  = 2
    annotator_backlog_per_instance = 0
    annotator_warmup_seconds       = -1
    annotator_volume_gb            = 1
    bundle                         = "../etc"
    free_window_seconds            = -1
    archive_backend                = "tape"
    retrieval_tier                 = "Now"
    input_expiry_days              = 1
    log_retention_days             = 42
    alarm_email                    = "nobody"
  }

  expect_failures = [
    var.name_prefix, var.tags, var.domain_name, var.zone_id, var.mail_from, var.rate_limit, var.vpc_cidr, var.zone_count, var.egress, var.ami_id,
    var.max_instance_lifetime_days, var.settings, var.web_min, var.web_requests_per_target, var.annotator_instance_types, var.annotator_max,
    var.annotator_backlog_per_instance, var.annotator_warmup_seconds, var.annotator_volume_gb, var.bundle, var.free_window_seconds,
    var.archive_backend, var.retrieval_tier, var.input_expiry_days, var.log_retention_days, var.alarm_email,
  ]
}

run "values_that_do_not_fit_together" {
  command = plan

  variables {
    zone_id         = null
    archive_backend = "glacier-vault"
    web_max         = 1

    annotator_on_demand_base = 50
  }

  expect_failures = [var.certificate_arn, var.archive_backend, var.web_max, var.annotator_on_demand_base]
}

run "an_account_that_does_not_fit" {
  command = plan

  variables {
    domain_name = "gas.example.com"
    zone_count  = 3
  }

  override_data {
    target = data.aws_availability_zones.usable
    values = { names = ["eu-central-1a", "eu-central-1b"] }
  }

  override_data {
    target = data.aws_ami.host
    values = { id = "ami-0123456789abcdef0", architecture = "x86_64", root_device_name = "/dev/xvda", name = "gas-0.1.0", tags = {} }
  }

  expect_failures = [data.aws_route53_zone.site, data.aws_availability_zones.usable, data.aws_ami.host]
}
