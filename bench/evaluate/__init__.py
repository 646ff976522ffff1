"""What a whole cluster promises and gives while its links and processes fail: histories, verdicts, figures, a report."""
