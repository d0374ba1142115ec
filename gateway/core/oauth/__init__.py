"""Owns what the authorization server judges: requests, their errors, codes, and what each scope and client may have."""
