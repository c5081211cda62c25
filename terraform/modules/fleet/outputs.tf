output "group_name" {
  description = "Name of the Auto Scaling group."
  value       = aws_autoscaling_group.this.name
}

output "group_arn" {
  description = "ARN of the Auto Scaling group."
  value       = aws_autoscaling_group.this.arn
}

output "log_group_name" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "launch_template_id" {
  description = "Launch template; its versions are the releases."
  value       = aws_launch_template.this.id
}

output "role_name" {
  description = "IAM role of the hosts."
  value       = aws_iam_role.this.name
}
