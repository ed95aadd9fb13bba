output "security_group" {
  description = "The group of the agent; let it in at the ports of your exporters."
  value       = aws_security_group.narthex.id
}

output "task_role" {
  description = "The agent's role; give it what other features need, as config/iam lists it."
  value       = aws_iam_role.task.arn
}
