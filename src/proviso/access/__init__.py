"""Who may do what: API keys; later OIDC and Cedar."""
