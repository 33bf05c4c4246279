"""The whole way to Bedrock: a governed server, and a simulator where its models are."""
