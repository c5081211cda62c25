# An account with two images, a zone, and three zones of availability.

mock_data "aws_caller_identity" {
  defaults = { account_id = "111122223333" }
}

mock_data "aws_partition" {
  defaults = { partition = "aws", dns_suffix = "amazonaws.com" }
}

mock_data "aws_availability_zones" {
  defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

mock_data "aws_iam_policy_document" {
  defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
}

mock_data "aws_ami" {
  defaults = { id = "ami-0123456789abcdef0", architecture = "arm64", root_device_name = "/dev/xvda", name = "gas-0.1.0", tags = { "gas:version" = "0.1.0" } }
}

mock_data "aws_ec2_instance_type" {
  defaults = { supported_architectures = ["arm64"] }
}

mock_data "aws_route53_zone" {
  defaults = { name = "example.org" }
}

mock_resource "aws_acm_certificate" {
  defaults = {
    arn = "arn:aws:acm:eu-central-1:111122223333:certificate/0aa0a0a0-0000-0000-0000-000000000000"
    domain_validation_options = [{
      domain_name           = "gas.example.org"
      resource_record_name  = "_0.gas.example.org."
      resource_record_type  = "CNAME"
      resource_record_value = "_1.acm-validations.aws."
    }]
  }
}

mock_resource "aws_acm_certificate_validation" {
  defaults = { certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/0aa0a0a0-0000-0000-0000-000000000000" }
}

mock_resource "aws_lb" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/gas-web/0123456789abcdef", arn_suffix = "app/gas-web/0123456789abcdef" }
}

mock_resource "aws_lb_target_group" {
  defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/gas-web/0123456789abcdef", arn_suffix = "targetgroup/gas-web/0123456789abcdef" }
}

mock_resource "aws_wafv2_web_acl" {
  defaults = { arn = "arn:aws:wafv2:eu-central-1:111122223333:regional/webacl/gas-web/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_iam_policy" {
  defaults = { arn = "arn:aws:iam::111122223333:policy/gas" }
}

mock_resource "aws_iam_role" {
  defaults = { arn = "arn:aws:iam::111122223333:role/gas" }
}

mock_resource "aws_iam_instance_profile" {
  defaults = { arn = "arn:aws:iam::111122223333:instance-profile/gas" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000", key_id = "00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-central-1:111122223333:gas" }
}

mock_resource "aws_sqs_queue" {
  defaults = { arn = "arn:aws:sqs:eu-central-1:111122223333:gas", id = "https://sqs.eu-central-1.amazonaws.com/111122223333/gas" }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::gas" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:gas" }
}

mock_resource "aws_autoscaling_policy" {
  defaults = { arn = "arn:aws:autoscaling:eu-central-1:111122223333:scalingPolicy:0:autoScalingGroupName/gas-annotator:policyName/wake" }
}

mock_resource "aws_launch_template" {
  defaults = { id = "lt-0123456789abcdef0", latest_version = 1 }
}
