"""The command line against a deployment: sign in, submit, follow, download. Imports no AWS."""
