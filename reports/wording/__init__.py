"""Rows and sentences that every view shows alike."""
