# Policies to attach to the roles of the machines. Nobody may make or delete a bucket or a table.

locals {
  tables = [aws_dynamodb_table.files.arn, aws_dynamodb_table.chunks.arn, aws_dynamodb_table.sessions.arn]
}

data "aws_iam_policy_document" "master" {
  statement {
    sid       = "Catalog"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = concat(local.tables, formatlist("%s/index/*", local.tables))
  }
}

# For masters and jobs with CATALOG=dynamodb; jobs need the operators' as well.
resource "aws_iam_policy" "master" {
  name   = "${var.name}-master"
  policy = data.aws_iam_policy_document.master.json
}

data "aws_iam_policy_document" "operator" {
  statement {
    sid       = "WholeCatalog"
    actions   = ["dynamodb:BatchWriteItem", "dynamodb:DescribeTimeToLive", "dynamodb:Scan"]
    resources = local.tables
  }
}

# In addition to the masters', for jobs, which go through all chunks and versions, and for whoever runs `echofs catalog export`, `import` and `rebuild`, and `echofs db create`.
resource "aws_iam_policy" "operator" {
  name   = "${var.name}-operator"
  policy = data.aws_iam_policy_document.operator.json
}

data "aws_iam_policy_document" "worker" {
  for_each = var.workers

  statement {
    sid       = "Bucket"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.chunks.arn]
  }

  statement {
    sid       = "Chunks"
    actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.chunks.arn}/${each.key}/*"]
  }
}

# For each worker its own: none can touch the chunks of another.
resource "aws_iam_policy" "worker" {
  for_each = var.workers

  name   = "${var.name}-${each.key}"
  policy = data.aws_iam_policy_document.worker[each.key].json
}
