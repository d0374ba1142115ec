"""The clients that tokens are issued to. Policy declares them, so what they are is policy's."""

from gateway.core.policy.client import Authentication, Client, ClientType

__all__ = ["Authentication", "Client", "ClientType"]
