"""The pages for users, operators, reviewers and auditors. Filled by the console's own issue; empty until then."""
