"""The refund desk: one customer's request about one order. Pure."""
