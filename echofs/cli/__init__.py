"""The command line: echofs serve, jobs, db and admin."""
