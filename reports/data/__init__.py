"""The plain data of a report, as it goes into profile.json."""
