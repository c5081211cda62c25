terraform {
  required_version = ">= 1.11, < 2.0"
}

variable "name" {
  type        = string
  description = "First part of every name, GAS_NAME_PREFIX."
}

variable "region" {
  type        = string
  description = "Region of everything."
}

variable "topology" {
  type        = any
  description = "gas/topology.json, decoded."
}

variable "log_group_names" {
  type        = map(string)
  description = "Log group of each role."
}

variable "bucket_names" {
  type        = map(string)
  description = "The buckets `inputs` and `results` by their short names."
}

variable "load_balancer" {
  type        = string
  description = "The load balancer as CloudWatch names it, app/NAME/ID."
}

variable "target_group" {
  type        = string
  description = "Its target group as CloudWatch names it, targetgroup/NAME/ID."
}

variable "annotator_max" {
  type        = number
  description = "Annotators at most."
}

variable "retrieval_tier" {
  type        = string
  description = "How fast archives come back."
}

variable "runbook_url" {
  type        = string
  description = "Where operators read docs/runbook.md."
}
