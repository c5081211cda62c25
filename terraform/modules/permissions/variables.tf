variable "name" {
  type        = string
  description = "First part of every name, GAS_NAME_PREFIX."
}

variable "partition" {
  type        = string
  description = "`aws`, `aws-cn` or `aws-us-gov`."
}

variable "region" {
  type        = string
  description = "Region of everything."
}

variable "account_id" {
  type        = string
  description = "Account of everything."
}

variable "topology" {
  type        = any
  description = "gas/topology.json, decoded."
}

variable "bucket_names" {
  type        = map(string)
  description = "The buckets `inputs`, `results` and `reference` by their short names."
}

variable "secret_name" {
  type        = string
  description = "GAS_SECRETS_NAME."
}

variable "mail_domain" {
  type        = string
  description = "The domain that SES sends from."
}

variable "mail_address" {
  type        = string
  description = "The address that SES sends from, without a name."
}

variable "archive_backend" {
  type        = string
  description = "`glacier-vault` or `s3-glacier`."
}

variable "log_group_names" {
  type        = map(string)
  description = "Log group of each role."
}

variable "dns_suffix" {
  type        = string
  description = "End of the services' host names, `amazonaws.com` in most regions."
}

variable "key_arn" {
  type        = string
  description = "The key that queues, topics, buckets and the secret are encrypted with."
}
