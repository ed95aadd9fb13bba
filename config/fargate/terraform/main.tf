# Narthex as a service on Fargate: see ../README.md. The only variable without a default is the workspace.
terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_subnets" "default" {
  count = length(var.subnets) == 0 ? 1 : 0
  filter {
    name   = "default-for-az"
    values = ["true"]
  }
}

data "aws_subnet" "first" {
  id = local.subnets[0]
}

locals {
  region  = data.aws_region.current.id
  account = data.aws_caller_identity.current.account_id
  suffix  = data.aws_partition.current.dns_suffix
  subnets = length(var.subnets) == 0 ? data.aws_subnets.default[0].ids : var.subnets
  image   = var.image == "" ? "${local.account}.dkr.ecr.${local.region}.${local.suffix}/narthex:0.1.0" : var.image

  # What the policies of config/iam leave open.
  names = {
    partition   = data.aws_partition.current.partition
    region      = local.region
    account     = local.account
    cluster     = var.cluster
    workspace   = var.workspace
    filesystem  = var.file_system
    accesspoint = var.file_system == "" ? "" : aws_efs_access_point.buffer[0].id
    # An image that is named may be in any repository.
    repository = var.image == "" ? "arn:${data.aws_partition.current.partition}:ecr:${local.region}:${local.account}:repository/narthex" : "*"
  }
}

resource "aws_cloudwatch_log_group" "narthex" {
  name              = "/ecs/narthex"
  retention_in_days = var.log_retention_days
}

# Nothing comes in. What is scraped must let this group in.
resource "aws_security_group" "narthex" {
  name_prefix = "narthex-"
  description = "Narthex scrapes and ships; exporters let this group in."
  vpc_id      = data.aws_subnet.first.vpc_id

  egress {
    description = "exporters, AWS, DNS"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

# NFS, into the mount targets of the file system.
resource "aws_security_group_rule" "file_system" {
  count                    = var.file_system_security_group == "" ? 0 : 1
  type                     = "ingress"
  description              = "Narthex' buffer"
  security_group_id        = var.file_system_security_group
  protocol                 = "tcp"
  from_port                = 2049
  to_port                  = 2049
  source_security_group_id = aws_security_group.narthex.id
}

resource "aws_iam_role" "task" {
  name_prefix        = "narthex-task-"
  assume_role_policy = templatefile("${path.module}/trust.json.tftpl", local.names)
}

resource "aws_iam_role_policy" "remote_write" {
  name   = "remote-write"
  role   = aws_iam_role.task.id
  policy = templatefile("${path.module}/remote-write.json.tftpl", local.names)
}

resource "aws_iam_role_policy" "ecs_tasks" {
  name   = "ecs-tasks"
  role   = aws_iam_role.task.id
  policy = templatefile("${path.module}/ecs-tasks.json.tftpl", local.names)
}

resource "aws_iam_role_policy" "efs" {
  count  = var.file_system == "" ? 0 : 1
  name   = "efs"
  role   = aws_iam_role.task.id
  policy = templatefile("${path.module}/efs-policy.json.tftpl", local.names)
}

# AWS documents conditions on who asks for the task's role, and none for this one.
resource "aws_iam_role" "execution" {
  name_prefix        = "narthex-execution-"
  assume_role_policy = templatefile("${path.module}/execution-trust.json.tftpl", local.names)
}

resource "aws_iam_role_policy" "execution" {
  name   = "execution"
  role   = aws_iam_role.execution.id
  policy = templatefile("${path.module}/execution-policy.json.tftpl", local.names)
}

resource "aws_efs_access_point" "buffer" {
  count          = var.file_system == "" ? 0 : 1
  file_system_id = var.file_system

  posix_user {
    uid = 65534
    gid = 65534
  }

  root_directory {
    path = "/narthex"
    creation_info {
      owner_uid   = 65534
      owner_gid   = 65534
      permissions = "0755"
    }
  }
}

resource "aws_ecs_task_definition" "narthex" {
  family                   = "narthex"
  network_mode             = "awsvpc"
  requires_compatibilities = ["FARGATE"]
  cpu                      = "256"
  memory                   = "512"
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  container_definitions = templatefile("${path.module}/container.json.tftpl", {
    image     = local.image
    region    = local.region
    suffix    = local.suffix
    workspace = var.workspace
    log_group = aws_cloudwatch_log_group.narthex.name
  })

  volume {
    name = "buffer"
    dynamic "efs_volume_configuration" {
      for_each = var.file_system == "" ? [] : [var.file_system]
      content {
        file_system_id     = efs_volume_configuration.value
        transit_encryption = "ENABLED"
        authorization_config {
          access_point_id = aws_efs_access_point.buffer[0].id
          iam             = "ENABLED"
        }
      }
    }
  }
}

resource "aws_ecs_service" "narthex" {
  name             = "narthex"
  cluster          = var.cluster
  task_definition  = aws_ecs_task_definition.narthex.arn
  desired_count    = 1
  launch_type      = "FARGATE"
  platform_version = "LATEST"
  propagate_tags   = "SERVICE"

  # Never two at a time: they would send every series twice, and on EFS the second one would not start.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnets
    security_groups  = [aws_security_group.narthex.id]
    assign_public_ip = var.assign_public_ip
  }

  # A task that starts before its roles may do their work fails, and the deployment is rolled back.
  depends_on = [
    aws_iam_role_policy.remote_write,
    aws_iam_role_policy.ecs_tasks,
    aws_iam_role_policy.efs,
    aws_iam_role_policy.execution,
    aws_security_group_rule.file_system,
  ]
}
