"""HOW results are shown: failure text, profile.json, summary.md and the HTML report, in reports/latest/."""
