# One bucket is one failure domain, so its workers share a WORKER_ZONE. A write needs workers of two zones: run others on
# disks, or on a bucket in another region.
resource "aws_s3_bucket" "chunks" {
  bucket = var.bucket
}

resource "aws_s3_bucket_public_access_block" "chunks" {
  bucket                  = aws_s3_bucket.chunks.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "chunks" {
  bucket = aws_s3_bucket.chunks.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Chunks never change, so versions would only keep what EchoFS has deleted.
resource "aws_s3_bucket_versioning" "chunks" {
  bucket = aws_s3_bucket.chunks.id

  versioning_configuration {
    status = "Disabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "chunks" {
  bucket = aws_s3_bucket.chunks.id

  rule {
    id     = "abort-incomplete-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}
