"""A Bedrock Runtime endpoint on localhost that real clients accept, for the tests of whoever calls Bedrock."""

__all__: list[str] = []
