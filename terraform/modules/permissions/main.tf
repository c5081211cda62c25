# ── What each process may do ─────────────────────────────────────────────────────────────────────────────────────────
#
# One policy for each kind of process: every action that its code calls, on nothing but what it calls it on.
# tests/terraform/test_permissions.py records the calls of real processes, and fails on what is missing here and on what
# none of them uses. Needs no provider: names go in, policies come out.

locals {
  here   = "${var.region}:${var.account_id}"
  topics = { for name in var.topology.topics : name => "arn:${var.partition}:sns:${local.here}:${var.name}-${name}" }
  queues = { for name in keys(var.topology.queues) : name => "arn:${var.partition}:sqs:${local.here}:${var.name}-${name}" }
  tables = { for name in keys(var.topology.tables) : name => "arn:${var.partition}:dynamodb:${local.here}:table/${var.name}-${name}" }
  vault  = "arn:${var.partition}:glacier:${local.here}:vaults/${var.name}-${var.topology.vault}"

  inputs    = "arn:${var.partition}:s3:::${var.bucket_names.inputs}"
  results   = "arn:${var.partition}:s3:::${var.bucket_names.results}"
  reference = "arn:${var.partition}:s3:::${var.bucket_names.reference}"

  # gas/storage.py makes all keys: {user}/{job}/input in the one bucket, {user}/{job}/result/… and …/archive/… in the
  # other.
  uploads  = "${local.inputs}/*/*/input"
  files    = "${local.results}/*/*/result/*"
  archives = "${local.results}/*/*/archive/*"

  vault_only   = var.archive_backend == "glacier-vault" ? [1] : []
  objects_only = var.archive_backend == "s3-glacier" ? [1] : []
}

# ── What several of them do ──────────────────────────────────────────────────────────────────────────────────────────

locals {
  # "Not found" is told only to those who may list; to others S3 says "denied", and nobody would know which it is.
  # https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
  miss_inputs  = { Action = ["s3:ListBucket"], Resource = [local.inputs] }
  miss_results = { Action = ["s3:ListBucket"], Resource = [local.results] }

  # `Storage.delete_under` lists one user's objects in all versions, and unfinished uploads; nobody lists more.
  of_one_user    = { StringLike = { "s3:prefix" = "????????-????-????-????-????????????/*" } }
  list_inputs    = { Action = ["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], Resource = [local.inputs], Condition = local.of_one_user }
  list_results   = { Action = ["s3:ListBucketVersions", "s3:ListBucketMultipartUploads"], Resource = [local.results], Condition = local.of_one_user }
  delete_uploads = { Action = ["s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], Resource = [local.uploads] }
  delete_files   = { Action = ["s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], Resource = [local.files] }

  # What can never be handled goes to the dead letters with the reason.
  consume = { for name, queue in local.queues : name => [
    { Action = ["sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"], Resource = [queue] },
    { Action = ["sqs:GetQueueUrl", "sqs:SendMessage"], Resource = ["${queue}-dlq"] },
  ] }

  # The operator's page: numbers of queues and hosts, and dead letters back into their queue. SQS moves them with the
  # rights of whoever asks for it.
  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
  operate = [
    { Action = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:SendMessage"], Resource = values(local.queues) },
    { Action = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:StartMessageMoveTask", "sqs:ListMessageMoveTasks"], Resource = [for queue in values(local.queues) : "${queue}-dlq"] },
    # Neither takes a resource.
    { Action = ["ec2:DescribeInstances", "autoscaling:DescribeAutoScalingInstances"], Resource = ["*"] },
  ]

  send_mail = {
    Action    = ["ses:SendEmail"]
    Resource  = ["arn:${var.partition}:ses:${local.here}:identity/${var.mail_domain}"]
    Condition = { StringEquals = { "ses:FromAddress" = var.mail_address } }
  }

  # The key is used through the services only, never by itself.
  through = { for service in ["s3", "sns", "sqs", "secretsmanager"] : service => "${service}.${var.region}.${var.dns_suffix}" }
  read_encrypted = { for process, services in {
    web       = ["s3", "sns", "sqs", "secretsmanager"]
    annotator = ["s3", "sns", "sqs"]
    notifier  = ["sqs"]
    caller    = ["sqs"]
    archiver  = ["s3", "sqs"]
    restorer  = ["sns", "sqs"]
    thawer    = ["s3", "sqs"]
    sweeper   = ["sns"]
    } : process => {
    Action    = ["kms:Decrypt"]
    Resource  = [var.key_arn]
    Condition = { StringEquals = { "kms:ViaService" = [for service in services : local.through[service]] } }
  } }
  write_encrypted = { for process, services in {
    web       = ["s3", "sns", "sqs"]
    annotator = ["s3", "sns", "sqs"]
    notifier  = ["sqs"]
    caller    = ["sqs"]
    archiver  = concat(["sqs"], [for _ in local.objects_only : "s3"])
    restorer  = ["sns", "sqs"]
    thawer    = ["s3", "sqs"]
    sweeper   = ["sns"]
    } : process => {
    Action    = ["kms:GenerateDataKey"]
    Resource  = [var.key_arn]
    Condition = { StringEquals = { "kms:ViaService" = [for service in services : local.through[service]] } }
  } }
}

# ── Each of them ─────────────────────────────────────────────────────────────────────────────────────────────────────

locals {
  statements = {
    web = concat([
      { Action = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = [local.tables.annotations, local.tables.sessions, local.tables.shares] },
      { Action = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], Resource = [local.tables.users] },
      { Action = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"], Resource = [local.tables.webhooks] },
      { Action = ["dynamodb:PutItem", "dynamodb:DeleteItem"], Resource = [local.tables.webhook-secrets] },
      { Action = ["dynamodb:Query"], Resource = [for index in ["user_id_index", "attention_index", "finished_index"] : "${local.tables.annotations}/index/${index}"] },
      { Action = ["sns:Publish"], Resource = [local.topics.job-requests, local.topics.subscription-upgrade] },
      { Action = ["sns:GetTopicAttributes"], Resource = [local.topics.job-requests] },
      # Secrets Manager adds six characters to the name.
      { Action = ["secretsmanager:GetSecretValue"], Resource = ["arn:${var.partition}:secretsmanager:${local.here}:secret:${var.secret_name}-??????"] },
      # Browsers send to S3 and read from it, by addresses that the web server has signed: with its rights.
      { Action = ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObjectVersionTagging", "s3:ListMultipartUploadParts", "s3:GetObject", "s3:GetObjectVersion"], Resource = [local.uploads] },
      { Action = ["s3:GetObject"], Resource = [local.files] },
      local.miss_inputs, local.miss_results, local.list_inputs, local.list_results, local.delete_uploads, local.delete_files,
    ], local.operate, [for _ in local.objects_only : { Action = ["s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], Resource = [local.archives] }])

    annotator = concat(local.consume.job-requests, [
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = [local.tables.annotations] },
      { Action = ["sns:Publish"], Resource = [local.topics.job-results] },
      { Action = ["s3:GetObjectVersion"], Resource = [local.uploads] },
      { Action = ["s3:GetObject", "s3:PutObject"], Resource = [local.files] },
      local.miss_inputs, local.list_results, local.delete_files,
    ])

    notifier = concat(local.consume.notify, [
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = [local.tables.annotations] },
      { Action = ["dynamodb:GetItem"], Resource = [local.tables.users] },
      local.send_mail,
    ])

    # No other policy lets anybody read the secrets that webhooks are signed with, not even the web server's.
    caller = concat(local.consume.webhooks, [
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = [local.tables.annotations, local.tables.webhooks] },
      { Action = ["dynamodb:GetItem"], Resource = [local.tables.users, local.tables.webhook-secrets] },
    ])

    archiver = concat(local.consume.archive, [
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = [local.tables.annotations] },
      # The role is compared in the same transaction that says where the result is.
      { Action = ["dynamodb:GetItem", "dynamodb:ConditionCheckItem"], Resource = [local.tables.users] },
      { Action = ["s3:GetObject", "s3:GetObjectVersion"], Resource = [local.files] },
      local.list_results, local.delete_files,
      ], [for _ in local.vault_only :
      { Action = ["glacier:InitiateMultipartUpload", "glacier:UploadMultipartPart", "glacier:CompleteMultipartUpload", "glacier:AbortMultipartUpload", "glacier:ListMultipartUploads", "glacier:DeleteArchive"], Resource = [local.vault] }
      ], [for _ in local.objects_only :
      { Action = ["s3:PutObject", "s3:GetObject", "s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], Resource = [local.archives] }
    ])

    restorer = concat(local.consume.restore, [
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = [local.tables.annotations, local.tables.users] },
      { Action = ["dynamodb:Query"], Resource = ["${local.tables.annotations}/index/user_id_index"] },
      { Action = ["sns:Publish"], Resource = [local.topics.job-results] },
      ], [for _ in local.vault_only : { Action = ["glacier:InitiateJob", "glacier:ListJobs"], Resource = [local.vault] }
      ], [for _ in local.objects_only : { Action = ["s3:RestoreObject"], Resource = [local.archives] }
    ])

    thawer = concat(local.consume.thaw, [
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem"], Resource = [local.tables.annotations] },
      { Action = ["dynamodb:GetItem"], Resource = [local.tables.users] },
      { Action = ["s3:GetObject", "s3:PutObject"], Resource = [local.files] },
      local.list_results, local.delete_files,
      ], [for _ in local.vault_only :
      { Action = ["glacier:InitiateJob", "glacier:ListJobs", "glacier:DescribeJob", "glacier:GetJobOutput", "glacier:DeleteArchive"], Resource = [local.vault] }
      ], [for _ in local.objects_only :
      { Action = ["s3:RestoreObject", "s3:GetObject", "s3:DeleteObjectVersion"], Resource = [local.archives] }
    ])

    sweeper = concat([
      { Action = ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], Resource = [local.tables.annotations, local.tables.users] },
      { Action = ["dynamodb:DeleteItem"], Resource = [local.tables.shares, local.tables.webhooks, local.tables.webhook-secrets] },
      { Action = ["dynamodb:Query"], Resource = ["${local.tables.annotations}/index/attention_index", "${local.tables.annotations}/index/user_id_index", "${local.tables.users}/index/attention_index"] },
      { Action = ["sns:Publish"], Resource = values(local.topics) },
      local.list_inputs, local.list_results, local.delete_uploads, local.delete_files, local.send_mail,
      ], [for _ in local.vault_only :
      { Action = ["glacier:CompleteMultipartUpload", "glacier:AbortMultipartUpload", "glacier:ListMultipartUploads", "glacier:DeleteArchive"], Resource = [local.vault] }
      ], [for _ in local.objects_only :
      { Action = ["s3:DeleteObjectVersion", "s3:AbortMultipartUpload"], Resource = [local.archives] }
    ])
  }

  # What a host does by itself: boot, join its group and leave it, send its logs, let an operator in.
  host = { for role, group in var.log_group_names : role => concat([
    # gas/host/environment.py reads the settings of all hosts and those of the role.
    {
      Action   = ["ssm:GetParametersByPath"]
      Resource = [for path in ["common", role] : "arn:${var.partition}:ssm:${local.here}:parameter/${var.name}/env/${path}"]
    },
    # agents/lifecycle.py, in its own group.
    {
      Action   = ["autoscaling:CompleteLifecycleAction", "autoscaling:RecordLifecycleActionHeartbeat", "autoscaling:SetInstanceProtection"]
      Resource = ["arn:${var.partition}:autoscaling:${local.here}:autoScalingGroup:*:autoScalingGroupName/${var.name}-${role}"]
    },
    # The CloudWatch agent, into its own log group.
    {
      Action   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
      Resource = ["arn:${var.partition}:logs:${local.here}:log-group:${group}:*"]
    },
    # Session Manager's agent; these have no resource to name.
    {
      Action   = ["ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]
      Resource = ["*"]
    },
    # gas/host/bundle.py brings the reference to those who annotate, and its sequence and genes to those who show them.
    ], [for statement in [
      { Action = ["s3:GetObject"], Resource = ["${local.reference}/bundles/*"] },
      { Action = ["s3:ListBucket"], Resource = [local.reference] },
      { Action = ["kms:Decrypt"], Resource = [var.key_arn], Condition = { StringEquals = { "kms:ViaService" = [local.through.s3] } } },
    ] : statement if contains(["annotator", "web"], role)]
  ) }
}
