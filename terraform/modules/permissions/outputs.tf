output "processes" {
  description = "The policy of each kind of process."
  value = { for process, statements in local.statements : process => jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in concat(statements, [local.read_encrypted[process], local.write_encrypted[process]]) :
      merge({ Effect = "Allow" }, { for name, value in statement : name => value if value != null })
    ]
  }) }
}

output "hosts" {
  description = "The policy that every host of a role has, whatever runs on it."
  value = { for role, statements in local.host : role => jsonencode({
    Version   = "2012-10-17"
    Statement = [for statement in statements : merge({ Effect = "Allow" }, { for name, value in statement : name => value if value != null })]
  }) }
}
