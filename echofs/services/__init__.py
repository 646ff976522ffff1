"""Actions: carry out what the core decides, through the ports they are given."""
