"""`gas ops`: what operators do with hosts. Everything here can be done without it, with ssh, supervisorctl and aws."""
