"""Proofs that nothing is lost: the agents' own code against the stand-in, in one process, every step in our hands."""
