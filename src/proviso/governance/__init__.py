"""Coverage and gaps, gates, and which release serves a caller; later changes, reviews, rollouts, switches, audit packs."""
