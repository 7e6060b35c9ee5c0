"""HOW it is shown: failure text, profile.json, summary.md and the HTML report. Output goes to reports/latest/."""
