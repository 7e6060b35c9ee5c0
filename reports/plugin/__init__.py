"""pytest's side of the reports."""
