variable "region" {
  description = "AWS region, such as eu-central-1"
  type        = string
}

variable "name" {
  description = "What the names of everything begin with"
  type        = string
  default     = "echofs"
}

variable "bucket" {
  description = "Name of the bucket for chunks; no other bucket in the world may have it"
  type        = string
}

variable "workers" {
  description = "WORKER_ID of every worker that keeps its chunks in the bucket"
  type        = set(string)
  default     = ["worker1"]
}

variable "vpc_id" {
  description = "Where the masters run and the database will"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets for the database, in two availability zones or more"
  type        = list(string)
}

variable "master_security_group_ids" {
  description = "Security groups of the masters and the jobs, which alone may reach the database"
  type        = list(string)
}

variable "database_class" {
  description = "Size of the database's machine"
  type        = string
  default     = "db.t4g.small"
}

variable "database_password" {
  description = "Password of the database's user: at least 24 letters and digits, so that it needs no escaping in DATABASE_URL"
  type        = string
  sensitive   = true

  validation {
    condition     = can(regex("^[A-Za-z0-9]{24,}$", var.database_password))
    error_message = "database_password needs at least 24 letters and digits, and nothing else."
  }
}
