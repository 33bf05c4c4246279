"""Reserve before, settle after. Empty until budgets are built."""
