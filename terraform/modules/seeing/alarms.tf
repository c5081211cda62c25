# ── When somebody has to look ────────────────────────────────────────────────────────────────────────────────────────
#
# An alarm is for a person: something that users feel, or will, and that does not mend itself. `section` is the heading
# of docs/runbook.md that says what to do, as its anchor.

locals {
  # What a failing handler means, queue by queue.
  failing = {
    job-requests = { says = "Annotators fail at job after job", section = "a-job-is-failed-with-an-apology" }
    notify       = { says = "The notifier fails at mail after mail", section = "mail-does-not-arrive" }
    webhooks     = { says = "Webhooks are not called, by a fault of ours", section = "webhooks-are-not-called" }
    archive      = { says = "Results cannot be archived; they stay in S3, and cost more", section = "results-cannot-be-archived" }
    restore      = { says = "Changes of subscription are not carried out", section = "results-do-not-come-back" }
    thaw         = { says = "Archived results do not come back", section = "results-do-not-come-back" }
  }

  # Seconds that a message may wait. A webhook that does not answer is tried again for an hour (gas/webhooks.py).
  patience = { job-requests = 1800, webhooks = 5400 }

  alarms = merge(
    # ── The site
    {
      site-down = {
        says    = "No web host is healthy: nobody can use the site. Look at what the group's newest host says of its boot, and take the last release back."
        section = "the-site-is-down", metric = local.aws.well, stat = "Maximum", below = 1, minutes = 3, silence = "breaching"
      }
      web-host-unwell = {
        says    = "A web host has not answered its health check for five minutes; its group replaces it. If it comes again, look at its log."
        section = "a-web-host-is-not-well", metric = local.aws.unwell, stat = "Minimum", above = 0, minutes = 5
      }
      site-errors = {
        says    = "More than 2 % of requests in ten minutes were answered with an error of ours. grep dependency_failed and view_failed in the log group of web."
        section = "the-site-answers-with-errors", above = 2, minutes = 10, expression = "IF(requests > 20, 100 * (FILL(site_errors, 0) + FILL(edge_errors, 0)) / requests, 0)"
        metrics = { requests = local.aws.requests, site_errors = local.aws.site_errors, edge_errors = local.aws.edge_errors }, stat = "Sum"
      }
      site-slow = {
        says    = "One page in twenty took more than 2 seconds, for a quarter of an hour. Look whether web hosts are busy (then raise web_max) or a dependency is slow."
        section = "the-site-is-slow", metric = local.aws.answer_time, stat = "p95", above = 2, minutes = 15
      }
    },

    # ── Jobs and results
    {
      jobs-given-up = {
        says    = "A job has failed five times by our own fault and its user got an apology. Find the reason by the reference in job_given_up, mend it, and try the job again."
        section = "a-job-is-failed-with-an-apology", metric = local.ours.failed, stat = "SampleCount", above = 0, minutes = 5
      }
      restores-overdue = {
        says    = "A retrieval takes longer than the archive promises. Look at restore_overdue in the log group of utility: `gas admin where` shows how far the job is."
        section = "results-do-not-come-back", metric = local.ours.overdue, stat = "Sum", above = 5, minutes = 60
      }
      mails-given-up = {
        says    = "After a day of trying a user got no mail that the job has ended. Look at handler_failed of the notifier, and whether SES has paused this account."
        section = "mail-does-not-arrive", metric = local.ours.unsent_mails, stat = "Sum", above = 0, minutes = 5
      }
      sweeper-silent = {
        says    = "The sweeper has not looked for ten minutes: whatever got lost stays lost until it does. Look whether the utility host runs, and at its log."
        section = "the-sweeper-is-silent", metric = local.ours.swept, stat = "SampleCount", below = 1, minutes = 10, silence = "breaching"
      }
    },

    # ── Queues
    { for queue in local.queues : "${queue}-waits" => {
      says    = "The oldest message of ${queue} waits longer than it should. Look whether its agent runs, and what it logs: receive_failed says why it gets nothing."
      section = queue == "job-requests" ? "jobs-wait-too-long" : "a-queue-is-not-worked-off"
      metric  = local.aws.oldest[queue], stat = "Maximum", minutes = 5
      # Well above what delays and retries make by themselves.
      above = lookup(local.patience, queue, 900) + 2 * var.topology.queues[queue].delay_seconds
    } },
    { for queue in local.queues : "${queue}-dead-letters" => {
      says    = "Messages of ${queue} could not be handled. Their jobs are safe. `gas admin redrive ${queue} --look` says why; mend that, then redrive."
      section = "a-dead-letter-queue-is-not-empty", metric = local.aws.dead_letters[queue], stat = "Maximum", above = 0, minutes = 1
    } },
    { for queue in local.queues : "${queue}-fails" => {
      says    = "${local.failing[queue].says}. handler_failed in the logs says why; while it lasts, work is tried again with growing waits."
      section = local.failing[queue].section, metric = local.ours.handler_fails[queue], stat = "Sum", above = 5, minutes = 15
    } },

    # ── Hosts
    { for role in local.roles : "${role}-hosts-missing" => {
      says    = "For half an hour the group ${var.name}-${role} has had fewer hosts in service than it wants. See what its activities and the newest host's boot say."
      section = "hosts-do-not-come-up", stat = "Maximum", above = 0, minutes = 30, expression = "wanted - FILL(there, 0)"
      metrics = { wanted = local.aws.desired[role], there = local.aws.in_service[role] }
    } },
    {
      boots-fail = {
        says    = "A host could not begin its work, and has stopped trying. boot_failed in the log group of its role says why, in a sentence; the stream is named after the instance."
        section = "a-host-cannot-begin-its-work", metric = local.ours.boot_failures, stat = "Sum", above = 0, minutes = 5
      }
      # A host looks every five seconds: this is one that has failed for five minutes.
      lifecycle-fails = {
        says    = "A host cannot see or tell whether it has to go: a scale-in or a Spot notice may end it in the middle of a job. look_failed in the logs says why."
        section = "the-lifecycle-agent-fails", metric = local.ours.lifecycle_failures, stat = "Sum", above = 60, minutes = 15
      }
      annotators-at-max = {
        says    = "For an hour all ${var.annotator_max} annotators that annotator_max allows have worked, and jobs wait. Raise it, or let them wait."
        section = "annotators-are-at-their-maximum", above = 0, minutes = 60, stat = "Minimum", expression = "IF(there >= ${var.annotator_max}, waiting, 0)"
        metrics = { there = local.aws.in_service["annotator"], waiting = local.aws.waiting["job-requests"] }
      }
    },
  )
}

output "alarms" {
  description = "Each alarm by its short name, as CloudWatch wants it."
  value = { for short, alarm in local.alarms : short => {
    description = "${alarm.says} ${var.runbook_url}#${alarm.section}"
    comparison  = can(alarm.below) ? "LessThanThreshold" : "GreaterThanThreshold"
    threshold   = try(alarm.below, alarm.above)
    # A figure a minute, or one in five where it is for longer: all of them must be beyond the threshold.
    period     = alarm.stat == "Sum" || alarm.stat == "SampleCount" ? 60 * alarm.minutes : alarm.minutes > 10 ? 300 : 60
    periods    = alarm.stat == "Sum" || alarm.stat == "SampleCount" ? 1 : alarm.minutes > 10 ? alarm.minutes / 5 : alarm.minutes
    silence    = try(alarm.silence, "notBreaching")
    stat       = alarm.stat
    expression = try(alarm.expression, null)
    metrics    = try(alarm.metrics, { it = alarm.metric })
  } }
}

output "error_metrics" {
  description = "Role → name of the metric that counts errors in its log group."
  value       = local.error_metrics
}

output "namespace" {
  description = "Namespace of our own metrics."
  value       = local.gas
}
