"""Adapters that touch the world, one file each; the executor runs them through the ledger."""
