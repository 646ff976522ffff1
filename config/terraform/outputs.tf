output "master_environment" {
  description = "Settings of masters, jobs and commands, beside the secrets"
  sensitive   = true
  value = {
    AWS_REGION              = var.region
    CATALOG                 = "dynamodb"
    DYNAMODB_FILES_TABLE    = aws_dynamodb_table.files.name
    DYNAMODB_CHUNKS_TABLE   = aws_dynamodb_table.chunks.name
    DYNAMODB_SESSIONS_TABLE = aws_dynamodb_table.sessions.name
    # "require" encrypts; "verify-full" also checks who answers, and needs AWS's certificates on every master.
    DATABASE_URL = "postgresql://${aws_db_instance.catalog.username}:${var.database_password}@${aws_db_instance.catalog.endpoint}/${aws_db_instance.catalog.db_name}?sslmode=require"
  }
}

output "worker_environment" {
  description = "Settings of each worker, beside the secret and its address"
  value = {
    for worker in var.workers : worker => {
      AWS_REGION  = var.region
      WORKER_ID   = worker
      WORKER_ZONE = var.region
      CHUNK_STORE = "s3://${aws_s3_bucket.chunks.bucket}/${worker}"
    }
  }
}
