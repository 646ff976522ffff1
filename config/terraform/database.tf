# The users, whatever the catalog is; and with CATALOG=sql the files too.
resource "aws_db_subnet_group" "catalog" {
  name       = "${var.name}-catalog"
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "catalog" {
  name   = "${var.name}-catalog"
  vpc_id = var.vpc_id

  ingress {
    description     = "Masters and jobs"
    from_port       = 5432
    to_port         = 5432
    protocol        = "tcp"
    security_groups = var.master_security_group_ids
  }
}

resource "aws_db_instance" "catalog" {
  identifier                = "${var.name}-catalog"
  engine                    = "postgres"
  engine_version            = "18"
  instance_class            = var.database_class
  allocated_storage         = 20
  max_allocated_storage     = 200
  storage_type              = "gp3"
  storage_encrypted         = true
  publicly_accessible       = false
  multi_az                  = true
  db_name                   = "echofs"
  username                  = "echofs"
  password                  = var.database_password
  db_subnet_group_name      = aws_db_subnet_group.catalog.name
  vpc_security_group_ids    = [aws_security_group.catalog.id]
  backup_retention_period   = 14
  copy_tags_to_snapshot     = true
  deletion_protection       = true
  final_snapshot_identifier = "${var.name}-catalog-final"
}
