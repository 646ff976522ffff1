# The tables of CATALOG=dynamodb, as `echofs db create` would make them.

resource "aws_dynamodb_table" "files" {
  name                        = "${var.name}-files"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true
  hash_key                    = "pk"
  range_key                   = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  attribute {
    name = "by_size"
    type = "S"
  }

  attribute {
    name = "by_updated"
    type = "S"
  }

  attribute {
    name = "by_folder"
    type = "S"
  }

  attribute {
    name = "by_folder_size"
    type = "S"
  }

  attribute {
    name = "by_folder_updated"
    type = "S"
  }

  local_secondary_index {
    name               = "by_size"
    range_key          = "by_size"
    projection_type    = "INCLUDE"
    non_key_attributes = ["file", "number"]
  }

  local_secondary_index {
    name               = "by_updated"
    range_key          = "by_updated"
    projection_type    = "INCLUDE"
    non_key_attributes = ["file", "number"]
  }

  local_secondary_index {
    name               = "by_folder"
    range_key          = "by_folder"
    projection_type    = "INCLUDE"
    non_key_attributes = ["file", "number"]
  }

  local_secondary_index {
    name               = "by_folder_size"
    range_key          = "by_folder_size"
    projection_type    = "INCLUDE"
    non_key_attributes = ["file", "number"]
  }

  local_secondary_index {
    name               = "by_folder_updated"
    range_key          = "by_folder_updated"
    projection_type    = "INCLUDE"
    non_key_attributes = ["file", "number"]
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

resource "aws_dynamodb_table" "chunks" {
  name                        = "${var.name}-chunks"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true
  hash_key                    = "pk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "part"
    type = "S"
  }

  attribute {
    name = "due_at"
    type = "N"
  }

  global_secondary_index {
    name               = "due"
    hash_key           = "part"
    range_key          = "due_at"
    projection_type    = "INCLUDE"
    non_key_attributes = ["owed", "owes"]
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}

resource "aws_dynamodb_table" "sessions" {
  name                        = "${var.name}-sessions"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true
  hash_key                    = "pk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "part"
    type = "S"
  }

  attribute {
    name = "created_at"
    type = "N"
  }

  global_secondary_index {
    name            = "old"
    hash_key        = "part"
    range_key       = "created_at"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled = true
  }
}
