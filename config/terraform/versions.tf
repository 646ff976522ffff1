# What EchoFS uses at AWS: a bucket for chunks, tables or a database for the catalog, and the least rights for each role.
# See "Which engines?" in docs/operations.md. The state holds the database's password: keep it in a private, encrypted place.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

provider "aws" {
  region = var.region
}
