"""A Bedrock Runtime endpoint on localhost. It knows nothing of Proviso. Empty until it is built."""
