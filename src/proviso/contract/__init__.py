"""What was agreed: parse, check, digest; bundles by digest."""
