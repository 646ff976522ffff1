"""What a whole cluster gives while its links and processes fail: histories, verdicts, figures, a report."""
