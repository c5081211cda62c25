# ── What it looks like ───────────────────────────────────────────────────────────────────────────────────────────────
#
# Users first, then what they wait for, then what does the work, then what it costs. A row is a heading and up to four
# graphs; a line is a label, a metric and a statistic.

locals {
  rows = [
    {
      heading = "Users: what they wait for, and what goes wrong"
      graphs = [
        { title = "Time to result, seconds", lines = [
          { label = "half of the jobs", metric = local.ours.finished, stat = "p50" },
          { label = "19 of 20", metric = local.ours.finished, stat = "p95" },
        ] },
        { title = "Jobs", lines = [
          { label = "completed", metric = local.ours.finished, stat = "SampleCount" },
          { label = "refused: the file", metric = local.ours.refused, stat = "SampleCount" },
          { label = "failed: ours", metric = local.ours.failed, stat = "SampleCount" },
        ] },
        { title = "Site: seconds for a page", lines = [
          { label = "half", metric = local.aws.answer_time, stat = "p50" },
          { label = "19 of 20", metric = local.aws.answer_time, stat = "p95" },
        ] },
        { title = "Site: requests and errors", lines = [
          { label = "requests", metric = local.aws.requests, stat = "Sum" },
          { label = "errors of hosts", metric = local.aws.site_errors, stat = "Sum" },
          { label = "errors of the load balancer", metric = local.aws.edge_errors, stat = "Sum" },
        ] },
        { title = "Results on their way back, seconds", lines = [
          { label = "half", metric = local.ours.restored, stat = "p50" },
          { label = "longest", metric = local.ours.restored, stat = "Maximum" },
        ] },
        { title = "Mail", lines = [
          { label = "sent", metric = local.aws.mails, stat = "Sum" },
          { label = "bounced", metric = local.aws.bounces, stat = "Sum" },
          { label = "complaints", metric = local.aws.complaints, stat = "Sum" },
          { label = "given up", metric = local.ours.unsent_mails, stat = "Sum" },
        ] },
      ]
    },
    {
      heading = "Queues"
      graphs = [
        { title = "Waiting", lines = [for queue in local.queues : { label = queue, metric = local.aws.waiting[queue], stat = "Maximum" }] },
        { title = "Age of the oldest, seconds", lines = [for queue in local.queues : { label = queue, metric = local.aws.oldest[queue], stat = "Maximum" }] },
        { title = "Failures", lines = [for queue in local.queues : { label = queue, metric = local.ours.handler_fails[queue], stat = "Sum" }] },
        { title = "Dead letters", lines = [for queue in local.queues : { label = queue, metric = local.aws.dead_letters[queue], stat = "Maximum" }] },
        { title = "Seconds for a message", lines = [for queue in local.queues : { label = queue, metric = local.ours.handler[queue], stat = "p95" }] },
        { title = "Sweeper: items looked at", lines = [
          { label = "items", metric = local.ours.swept, stat = "Sum" },
          { label = "restores overdue", metric = local.ours.overdue, stat = "Sum" },
        ] },
      ]
    },
    {
      heading = "Hosts"
      graphs = [
        { title = "In service", lines = concat(
          [for role in local.roles : { label = role, metric = local.aws.in_service[role], stat = "Maximum" }],
          [for role in local.roles : { label = "${role}, wanted", metric = local.aws.desired[role], stat = "Maximum" }],
        ) },
        { title = "Processor, %", lines = [for role in local.roles : { label = role, metric = local.aws.processor[role], stat = "Average" }] },
        { title = "Web hosts by their health check", lines = [
          { label = "well", metric = local.aws.well, stat = "Minimum" },
          { label = "not well", metric = local.aws.unwell, stat = "Maximum" },
        ] },
        { title = "Comings and goings", lines = [
          { label = "failed boots", metric = local.ours.boot_failures, stat = "Sum" },
          { label = "longest drain, seconds", metric = local.ours.drained, stat = "Maximum" },
          { label = "failures of the lifecycle agent", metric = local.ours.lifecycle_failures, stat = "Sum" },
        ] },
        { title = "Errors in the logs", lines = [for role in local.roles : { label = role, metric = local.ours.errors[role], stat = "Sum" }] },
      ]
    },
    {
      heading = "What it costs"
      graphs = [
        { title = "Bytes kept", lines = [for name in keys(local.aws.stored) : { label = name, metric = local.aws.stored[name], stat = "Average", period = 86400 }] },
        { title = "Bytes archived", lines = [{ label = "archived", metric = local.ours.archived, stat = "Sum" }] },
        { title = "Table units", lines = concat(
          [for table in keys(local.aws.read_units) : { label = "${table}, read", metric = local.aws.read_units[table], stat = "Sum" }],
          [for table in keys(local.aws.write_units) : { label = "${table}, written", metric = local.aws.write_units[table], stat = "Sum" }],
        ) },
        { title = "Log bytes", lines = [for role in local.roles : { label = role, metric = local.aws.log_bytes[role], stat = "Sum" }] },
        { title = "Load balancer units", lines = [{ label = "LCU", metric = local.aws.edge_use, stat = "Sum" }] },
      ]
    },
  ]

  heading_height = 1
  graph_height   = 6
  graph_width    = 6
  graphs_a_line  = 4

  row_heights = [for row in local.rows : local.heading_height + local.graph_height * ceil(length(row.graphs) / local.graphs_a_line)]
  row_tops    = [for number in range(length(local.rows)) : sum(concat([0], slice(local.row_heights, 0, number)))]

  headings = [for number, row in local.rows : {
    type       = "text", x = 0, y = local.row_tops[number], width = local.graph_width * local.graphs_a_line, height = local.heading_height
    properties = { markdown = "## ${row.heading}" }
  }]

  graphs = flatten([for number, row in local.rows : [for place, graph in row.graphs : {
    type   = "metric"
    x      = local.graph_width * (place % local.graphs_a_line)
    y      = local.row_tops[number] + local.heading_height + local.graph_height * floor(place / local.graphs_a_line)
    width  = local.graph_width
    height = local.graph_height
    properties = {
      title  = graph.title
      region = var.region
      view   = "timeSeries"
      period = 300
      yAxis  = { left = { min = 0 } }
      metrics = [for line in graph.lines : concat(
        [line.metric.namespace, line.metric.name],
        flatten([for name, value in line.metric.dimensions : [name, value]]),
        [merge({ label = line.label, stat = line.stat }, can(line.period) ? { period = line.period } : {})],
      )]
    }
  }]])
}

output "dashboard" {
  description = "The dashboard's body, as CloudWatch wants it."
  value       = jsonencode({ widgets = concat(local.headings, local.graphs) })
}
