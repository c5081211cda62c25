variable "name" {
  type        = string
  description = "Name of the group and of what belongs to it, such as gas-web."
}

variable "tags" {
  type        = map(string)
  description = "Tags of the hosts. A host reads its own through the metadata service, to know its role and where its settings are."
}

variable "image" {
  type        = object({ id = string, architecture = string, root_device_name = string })
  description = "The image that hosts start from."
}

variable "instance_types" {
  type        = list(string)
  description = "Instance types, the preferred one first. More than one only with `spot`."
}

variable "spot" {
  type        = object({ on_demand_base = number })
  default     = null
  description = "Spot hosts, but for the first on_demand_base. Null: all are on demand."
}

variable "capacity" {
  type        = object({ min = number, max = number })
  description = "Hosts at least and at most."
}

variable "subnet_ids" {
  type        = list(string)
  description = "Subnets, one in each zone."
}

variable "security_group_ids" {
  type        = list(string)
  description = "Security groups of the hosts."
}

variable "public_address" {
  type        = bool
  description = "Whether hosts have public addresses: those in a public subnet reach nothing without."
}

variable "volume_gb" {
  type        = number
  description = "Size of the root volume."
}

variable "policy_arns" {
  type        = map(string)
  description = "What hosts may do: ARNs of managed policies by name."
}

variable "target_group_arns" {
  type        = list(string)
  default     = []
  description = "Load balancer target groups. Where there is one, its health check decides whether a host is well."
}

variable "start_seconds" {
  type        = number
  description = "How long a host may take until it says that it is ready; then it is replaced."
}

variable "warmup_seconds" {
  type        = number
  description = "How long after its launch a host's figures say nothing yet."
}

variable "drain_seconds" {
  type        = number
  description = "How long a host that is to end may take to finish its work or give it back. It may ask for as much again, up to 48 hours."
}

variable "max_lifetime_days" {
  type        = number
  description = "Hosts older than this are replaced."
}

variable "rollback_alarms" {
  type        = list(string)
  description = "Alarms that end a release and take it back."
}

variable "log_group_name" {
  type        = string
  description = "Where hosts send their logs."
}

variable "log_retention_days" {
  type        = number
  description = "How long logs are kept."
}

variable "kms_key_arn" {
  type        = string
  description = "Key that encrypts the logs."
}
