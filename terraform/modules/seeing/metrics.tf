# ── What there is to see ─────────────────────────────────────────────────────────────────────────────────────────────
#
# Each metric once, by the name that alarms and dashboard call it. Those of namespace GAS/… are written by our processes
# into their logs (gas/telemetry.py, embedded metric format); errors are counted from the logs. tests/terraform/
# test_seeing.py knows what the code emits, and what AWS does, and fails on any other.

locals {
  roles  = keys(var.log_group_names)
  queues = keys(var.topology.queues)

  gas = "GAS/${var.name}"

  ours = {
    finished           = { namespace = local.gas, name = "JobSeconds", dimensions = { Outcome = "completed" } }
    refused            = { namespace = local.gas, name = "JobSeconds", dimensions = { Outcome = "refused" } }
    failed             = { namespace = local.gas, name = "JobSeconds", dimensions = { Outcome = "failed" } }
    restored           = { namespace = local.gas, name = "RestoreSeconds", dimensions = { Tier = var.retrieval_tier } }
    overdue            = { namespace = local.gas, name = "RestoresOverdue", dimensions = {} }
    unsent_mails       = { namespace = local.gas, name = "MailsGivenUp", dimensions = {} }
    archived           = { namespace = local.gas, name = "ArchivedBytes", dimensions = {} }
    swept              = { namespace = local.gas, name = "AttentionItems", dimensions = {} }
    boot_failures      = { namespace = local.gas, name = "BootFailed", dimensions = {} }
    drained            = { namespace = local.gas, name = "DrainSeconds", dimensions = {} }
    lifecycle_failures = { namespace = local.gas, name = "LifecycleFailures", dimensions = {} }
    handler            = { for queue in local.queues : queue => { namespace = local.gas, name = "HandlerSeconds", dimensions = { Queue = "${var.name}-${queue}" } } }
    handler_fails      = { for queue in local.queues : queue => { namespace = local.gas, name = "HandlerFailures", dimensions = { Queue = "${var.name}-${queue}" } } }
    errors             = { for role in local.roles : role => { namespace = local.gas, name = local.error_metrics[role], dimensions = {} } }
  }
  error_metrics = { for role in local.roles : role => "Errors-${role}" }

  edge_dimensions   = { LoadBalancer = var.load_balancer }
  target_dimensions = { LoadBalancer = var.load_balancer, TargetGroup = var.target_group }

  aws = {
    requests     = { namespace = "AWS/ApplicationELB", name = "RequestCount", dimensions = local.edge_dimensions }
    answer_time  = { namespace = "AWS/ApplicationELB", name = "TargetResponseTime", dimensions = local.edge_dimensions }
    site_errors  = { namespace = "AWS/ApplicationELB", name = "HTTPCode_Target_5XX_Count", dimensions = local.edge_dimensions }
    edge_errors  = { namespace = "AWS/ApplicationELB", name = "HTTPCode_ELB_5XX_Count", dimensions = local.edge_dimensions }
    edge_use     = { namespace = "AWS/ApplicationELB", name = "ConsumedLCUs", dimensions = local.edge_dimensions }
    well         = { namespace = "AWS/ApplicationELB", name = "HealthyHostCount", dimensions = local.target_dimensions }
    unwell       = { namespace = "AWS/ApplicationELB", name = "UnHealthyHostCount", dimensions = local.target_dimensions }
    waiting      = { for queue in local.queues : queue => { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${var.name}-${queue}" } } }
    oldest       = { for queue in local.queues : queue => { namespace = "AWS/SQS", name = "ApproximateAgeOfOldestMessage", dimensions = { QueueName = "${var.name}-${queue}" } } }
    dead_letters = { for queue in local.queues : queue => { namespace = "AWS/SQS", name = "ApproximateNumberOfMessagesVisible", dimensions = { QueueName = "${var.name}-${queue}-dlq" } } }
    in_service   = { for role in local.roles : role => { namespace = "AWS/AutoScaling", name = "GroupInServiceInstances", dimensions = { AutoScalingGroupName = "${var.name}-${role}" } } }
    desired      = { for role in local.roles : role => { namespace = "AWS/AutoScaling", name = "GroupDesiredCapacity", dimensions = { AutoScalingGroupName = "${var.name}-${role}" } } }
    processor    = { for role in local.roles : role => { namespace = "AWS/EC2", name = "CPUUtilization", dimensions = { AutoScalingGroupName = "${var.name}-${role}" } } }
    mails        = { namespace = "AWS/SES", name = "Send", dimensions = {} }
    bounces      = { namespace = "AWS/SES", name = "Bounce", dimensions = {} }
    complaints   = { namespace = "AWS/SES", name = "Complaint", dimensions = {} }
    log_bytes    = { for role, group in var.log_group_names : role => { namespace = "AWS/Logs", name = "IncomingBytes", dimensions = { LogGroupName = group } } }
    read_units   = { for table in keys(var.topology.tables) : table => { namespace = "AWS/DynamoDB", name = "ConsumedReadCapacityUnits", dimensions = { TableName = "${var.name}-${table}" } } }
    write_units  = { for table in keys(var.topology.tables) : table => { namespace = "AWS/DynamoDB", name = "ConsumedWriteCapacityUnits", dimensions = { TableName = "${var.name}-${table}" } } }
    stored = { for name, kind in { inputs = "StandardStorage", results = "StandardStorage", archives = "GlacierStorage" } : name => {
      namespace  = "AWS/S3", name = "BucketSizeBytes"
      dimensions = { BucketName = var.bucket_names[name == "archives" ? "results" : name], StorageType = kind }
    } }
  }
}
