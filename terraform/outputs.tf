# ── For users ────────────────────────────────────────────────────────────────────────────────────────────────────────

output "url" {
  description = "Where the site is."
  value       = local.site_url
}

output "globus_redirect" {
  description = "Where Globus must send browsers back to: enter it when you register the client."
  value       = "${local.site_url}/authcallback"
}

# ── For your DNS ─────────────────────────────────────────────────────────────────────────────────────────────────────

output "dns_records" {
  description = "Records to enter yourself; none where Route 53 holds the names."
  value = merge(
    var.zone_id != null ? {} : { site = { name = var.domain_name, type = "CNAME", value = aws_lb.web.dns_name } },
    local.mail_is_in_zone ? {} : local.mail_records,
  )
}

# ── For `gas admin` and `gas ops` ────────────────────────────────────────────────────────────────────────────────────

output "environment" {
  description = "The settings of all hosts, which `gas admin` and `gas ops` need too."
  value       = local.settings.common
}

output "shell" {
  description = "The same for a shell: eval \"$(terraform output -raw shell)\""
  value       = join("\n", [for name, value in local.settings.common : "export ${name}='${replace(value, "'", "'\\''")}'"])
}

output "region" {
  description = "Region of everything."
  value       = var.region
}

output "groups" {
  description = "Auto Scaling group of each role."
  value       = { web = module.web.group_name, annotator = module.annotator.group_name, utility = module.utility.group_name }
}

output "launch_templates" {
  description = "Launch template of each role."
  value       = { web = module.web.launch_template_id, annotator = module.annotator.launch_template_id, utility = module.utility.launch_template_id }
}

output "log_groups" {
  description = "Log group of each role."
  value       = { web = module.web.log_group_name, annotator = module.annotator.log_group_name, utility = module.utility.log_group_name }
}

output "ssh_endpoint_id" {
  description = "EC2 Instance Connect Endpoint that ssh goes through."
  value       = aws_ec2_instance_connect_endpoint.ssh.id
}

output "secret_name" {
  description = "Secret to put the Globus client into."
  value       = aws_secretsmanager_secret.web.name
}

output "buckets" {
  description = "The buckets by their short names; bundles go to reference."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
}

output "load_balancer" {
  description = "Address of the load balancer itself, for when DNS is in doubt."
  value       = aws_lb.web.dns_name
}
