"""A stand-in for Globus Auth on this machine: the real protocol, no passwords, loopback only.

Endpoints and token shapes follow https://docs.globus.org/api/auth/reference/.
"""
