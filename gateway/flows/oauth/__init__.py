"""Acts for clients of the authorization server."""
