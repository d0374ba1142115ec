"""Backups, and restores that bring nothing back that was taken away."""
