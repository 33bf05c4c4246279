"""A pytest plugin: the fixture `bedrock_simulator`."""
