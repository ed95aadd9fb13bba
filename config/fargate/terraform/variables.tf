variable "workspace" {
  description = "Id of the workspace of Amazon Managed Service for Prometheus, in the provider's region and account."
  type        = string
}

variable "cluster" {
  description = "Name of the ECS cluster that the service runs in and discovers."
  type        = string
  default     = "default"
}

variable "image" {
  description = "The image; empty for narthex:0.1.0 in the account's registry (ECR)."
  type        = string
  default     = ""
}

variable "architecture" {
  description = "X86_64 or ARM64."
  type        = string
  default     = "X86_64"
}

variable "subnets" {
  description = "Subnets from which the cluster's tasks are reached; empty for those of the default VPC."
  type        = list(string)
  default     = []
}

variable "assign_public_ip" {
  description = "False in private subnets with a NAT gateway, or with endpoints for ECS, AMP, ECR, S3 and logs."
  type        = bool
  default     = true
}

variable "file_system" {
  description = "Id of an EFS file system with mount targets in the subnets, for the buffer; empty for the task's own disk."
  type        = string
  default     = ""
}

variable "file_system_security_group" {
  description = "The security group of the file system's mount targets, which then lets the agent in; empty to do so by hand."
  type        = string
  default     = ""
}

variable "log_retention_days" {
  description = "How long the agent's log is kept."
  type        = number
  default     = 30
}
