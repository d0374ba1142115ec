"""The console's acts and pages as JSON for scripts: at /admin/api/v1 on the auth host, by tokens only."""
