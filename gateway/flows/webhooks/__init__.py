"""Flows that bring entries of the audit log to endpoints."""
